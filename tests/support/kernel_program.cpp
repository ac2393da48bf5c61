// SPDX-License-Identifier: Apache-2.0
#include "tests/support/kernel_program.hpp"

#include <cerrno>
#include <cstdlib>

#include "skep/os/bpf_call.hpp"
#include "skep/spec/abi.hpp"

namespace skep::tests {
namespace {

constexpr int kProgLoad = 5;     // BPF_PROG_LOAD
constexpr int kProgTestRun = 10; // BPF_PROG_TEST_RUN
constexpr std::size_t kLogBytes = 1U << 16;

std::uint64_t pointer(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

abi::ProgLoadAttr attributes_of(std::span<const RawInsn> insns, spec::ProgramType type,
                                std::uint32_t flags) {
    abi::ProgLoadAttr attributes{};
    attributes.prog_flags = flags;
    attributes.prog_type = static_cast<std::uint32_t>(type);
    attributes.insn_cnt = static_cast<std::uint32_t>(insns.size());
    attributes.insns = pointer(insns.data());
    attributes.license = pointer("GPL");
    return attributes;
}

long load_with(abi::ProgLoadAttr attributes, std::string* log, std::uint32_t log_level = 1) {
    if (log != nullptr) {
        log->resize(kLogBytes);
        attributes.log_level = log_level;
        attributes.log_size = kLogBytes;
        attributes.log_buf = pointer(log->data());
    }
    const long result = os::bpf_call(kProgLoad, &attributes, sizeof attributes);
    if (log != nullptr) {
        log->resize(std::char_traits<char>::length(log->c_str()));
    }
    return result;
}

} // namespace

bool kernel_is_available() {
    const RawInsn program[] = {{0xb7, 0, 0, 0}, {0x95, 0, 0, 0}};
    return KernelProgram::load(program, spec::ProgramType::socket_filter).ok();
}

Result<KernelProgram> KernelProgram::load(std::span<const RawInsn> insns, spec::ProgramType type,
                                          std::uint32_t flags) {
    return from(attributes_of(insns, type, flags));
}

Result<KernelProgram> KernelProgram::load_member(std::span<const RawInsn> insns,
                                                 std::uint32_t structure, std::uint32_t member) {
    abi::ProgLoadAttr attributes = attributes_of(insns, spec::ProgramType::struct_ops, 0);
    attributes.attach_btf_id = structure;
    attributes.expected_attach_type = member;
    return from(attributes);
}

Result<KernelProgram> KernelProgram::from(const abi::ProgLoadAttr& attributes) {
    long result = load_with(attributes, nullptr);
    if (result < 0) {
        std::string log;
        result = load_with(attributes, &log);
        if (result < 0) {
            return error_from_errno(
                static_cast<int>(-result),
                log.substr(log.size() - std::min<std::size_t>(log.size(), 400)));
        }
    }
    return KernelProgram(os::Fd(static_cast<int>(result)));
}

Result<std::uint64_t> KernelProgram::insns_processed(std::span<const RawInsn> insns,
                                                     spec::ProgramType type) {
    constexpr std::uint32_t kStatistics = 4;
    constexpr std::string_view kBefore = "processed ";
    std::string log;
    const os::Fd program(
        static_cast<int>(load_with(attributes_of(insns, type, 0), &log, kStatistics)));
    const std::size_t found = log.find(kBefore);
    if (found == std::string::npos) {
        return error_from_errno(EINVAL, "no statistics: " + log);
    }
    return std::strtoull(log.c_str() + found + kBefore.size(), nullptr, 10);
}

Result<std::uint32_t> KernelProgram::run(Bytes packet) const {
    abi::TestRunAttr attributes{};
    attributes.prog_fd = static_cast<std::uint32_t>(fd_.number());
    attributes.data_size_in = static_cast<std::uint32_t>(packet.size());
    attributes.data_in = pointer(packet.data());
    attributes.repeat = 1;
    const long result = os::bpf_call(kProgTestRun, &attributes, sizeof attributes);
    if (result < 0) {
        return error_from_errno(static_cast<int>(-result), "PROG_TEST_RUN");
    }
    return attributes.retval;
}

Result<double> KernelProgram::time_ns(Bytes packet, std::uint32_t repeat) const {
    abi::TestRunAttr attributes{};
    attributes.prog_fd = static_cast<std::uint32_t>(fd_.number());
    attributes.data_size_in = static_cast<std::uint32_t>(packet.size());
    attributes.data_in = pointer(packet.data());
    attributes.repeat = repeat;
    const long result = os::bpf_call(kProgTestRun, &attributes, sizeof attributes);
    if (result < 0) {
        return error_from_errno(static_cast<int>(-result), "PROG_TEST_RUN");
    }
    return static_cast<double>(attributes.duration);
}

} // namespace skep::tests
