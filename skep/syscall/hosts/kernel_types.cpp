// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/kernel_types.hpp"

#include "skep/os/files.hpp"

namespace skep::syscall {
namespace {

constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";
constexpr std::uint32_t kKernelTypesId = 1;

} // namespace

Result<void> add_kernel_types(registry::Registry& objects) {
    auto bytes = os::read_file(kKernelTypes);
    if (!bytes.ok()) {
        return {};
    }
    auto types = std::make_shared<registry::BtfObject>();
    types->bytes = std::move(*bytes);
    types->name = "vmlinux";
    types->from_kernel = true;
    return objects.add_permanent(types, kKernelTypesId);
}

} // namespace skep::syscall
