// SPDX-License-Identifier: Apache-2.0
//
// BTF_LOAD: types, checked as the kernel checks them and kept as bytes.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "skep/btf/check/kernel.hpp"
#include "skep/spec/limits.hpp"
#include "skep/syscall/commands/commands.hpp"
#include "skep/syscall/log_buffer.hpp"

namespace skep::syscall {
namespace {

constexpr std::uint32_t kMostBytes = spec::limits::btf_bytes;
constexpr std::uint32_t kTokenFlag = 1U << 16;

} // namespace

Result<long> btf_load(const SharedCall& call) {
    const auto attr = call->attr<abi::BtfLoadAttr>();
    if (attr.btf_flags != 0) {
        return (attr.btf_flags & ~kTokenFlag) != 0 ? answer(EINVAL, "unknown flags")
                                                   : answer(EBADF, "skep's engine has no tokens");
    }
    const LogBuffer log{attr.btf_log_level, attr.btf_log_size, attr.btf_log_buf};
    TRY(log.check());
    if (attr.btf_size > kMostBytes) {
        return answer(E2BIG, "types above 16 MiB");
    }
    const ByteVector bytes = TRY(call->read_bytes(attr.btf, attr.btf_size));
    auto parsed = btf::parse_for_kernel(bytes);
    const std::string text = parsed.ok() ? std::string() : parsed.error().message + "\n";
    const LogWritten written = TRY(log.write(*call->caller, text));
    TRY(call->put(offsetof(abi::BtfLoadAttr, btf_log_true_size), written.true_size));
    if (!parsed.ok()) {
        return answer(errno_of(parsed.error()), parsed.error().message);
    }
    if (written.was_cut) {
        return answer(ENOSPC, "the log did not fit its buffer");
    }
    auto object = std::make_shared<registry::BtfObject>();
    object->types = std::make_shared<btf::Btf>(std::move(*parsed));
    object->bytes = bytes;
    TRY(call->objects().add(object));
    return call->open(*object);
}

} // namespace skep::syscall
