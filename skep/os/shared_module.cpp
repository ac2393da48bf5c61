// SPDX-License-Identifier: Apache-2.0
#include "skep/os/shared_module.hpp"

#include <dlfcn.h>

namespace skep::os {

Result<SharedModule> SharedModule::open(const std::string& path) {
    void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        const char* why = ::dlerror(); // NOLINT: of this call
        return fail(Code::unsupported, why != nullptr ? why : path + " cannot be loaded");
    }
    return SharedModule(handle);
}

void* SharedModule::find(const char* symbol) const { return ::dlsym(handle_, symbol); }

} // namespace skep::os
