// SPDX-License-Identifier: Apache-2.0
#include "skep/os/shared_module.hpp"

#include <cerrno>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "skep/os/fd.hpp"

namespace skep::os {

// Loaded through a descriptor, so that what is asked about and what is loaded are one file.
Result<SharedModule> SharedModule::open(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat facts {};
    if (!file.is_open() || ::fstat(file.number(), &facts) != 0) {
        return error_from_errno(errno, "opening " + path);
    }
    const std::string same = "/proc/self/fd/" + std::to_string(file.number());
    void* const handle = ::dlopen(same.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        const char* why = ::dlerror(); // NOLINT: of this call
        return fail(Code::unsupported, why != nullptr ? why : path + " cannot be loaded");
    }
    return SharedModule(handle, std::to_string(facts.st_dev) + ":" + std::to_string(facts.st_ino) +
                                    " " + std::to_string(facts.st_size) + " " +
                                    std::to_string(facts.st_mtim.tv_sec) + "." +
                                    std::to_string(facts.st_mtim.tv_nsec) + " ");
}

void* SharedModule::find(const char* symbol) const { return ::dlsym(handle_, symbol); }

} // namespace skep::os
