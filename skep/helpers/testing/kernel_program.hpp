// SPDX-License-Identifier: Apache-2.0
//
// For tests: programs written instruction by instruction, loaded into the running kernel and
// test-run there, with an array map for what they found out.
#pragma once

#include <cstring>
#include <optional>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/os/bpf_call.hpp"
#include "skep/os/fd.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::helpers::testing {

// A few instructions, as the kernel reads them.
class Code {
  public:
    void raw(std::uint8_t code, std::uint8_t dst, std::uint8_t src, std::int16_t offset,
             std::int32_t immediate) {
        insns_.push_back(code | std::uint64_t{dst} << 8 | std::uint64_t{src} << 12 |
                         std::uint64_t{static_cast<std::uint16_t>(offset)} << 16 |
                         std::uint64_t{static_cast<std::uint32_t>(immediate)} << 32);
    }
    void copy(std::uint8_t dst, std::uint8_t src) { raw(0xbf, dst, src, 0, 0); }
    void number(std::uint8_t dst, std::uint64_t value) {
        raw(0x18, dst, 0, 0, static_cast<std::int32_t>(value));
        raw(0, 0, 0, 0, static_cast<std::int32_t>(value >> 32));
    }
    void map_value(std::uint8_t dst, int map_fd, std::int32_t offset) {
        raw(0x18, dst, 2, 0, map_fd);
        raw(0, 0, 0, 0, offset);
    }
    void stack_address(std::uint8_t dst, std::int32_t offset) {
        copy(dst, 10);
        raw(0x07, dst, 0, 0, offset);
    }
    void store8(std::uint8_t to, std::int16_t offset, std::uint8_t from) {
        raw(0x7b, to, from, offset, 0);
    }
    void store4(std::uint8_t to, std::int16_t offset, std::uint8_t from) {
        raw(0x63, to, from, offset, 0);
    }
    void load4(std::uint8_t dst, std::uint8_t from, std::int16_t offset) {
        raw(0x61, dst, from, offset, 0);
    }
    void call(std::int32_t helper) { raw(0x85, 0, 0, 0, helper); }
    void end(std::int32_t answer) {
        raw(0xb7, 0, 0, 0, answer);
        raw(0x95, 0, 0, 0, 0);
    }
    [[nodiscard]] const std::vector<std::uint64_t>& insns() const { return insns_; }

  private:
    std::vector<std::uint64_t> insns_;
};

inline std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
}

// The descriptor, or a negative errno.
inline long load(const Code& code, spec::ProgramType type) {
    abi::ProgLoadAttr attr{};
    attr.prog_type = static_cast<std::uint32_t>(type);
    attr.insn_cnt = static_cast<std::uint32_t>(code.insns().size());
    attr.insns = address_of(code.insns().data());
    attr.license = address_of("GPL");
    return os::bpf_call(5, &attr, sizeof attr);
}

// An array of one value that the kernel holds; `constant`: programs may only read it.
class KernelValue {
  public:
    static std::optional<KernelValue> make(Bytes contents, bool constant) {
        abi::MapCreateAttr attr{};
        attr.map_type = 2;
        attr.key_size = 4;
        attr.value_size = static_cast<std::uint32_t>(contents.size());
        attr.max_entries = 1;
        attr.map_flags = constant ? 1U << 7 : 0;
        const long fd = os::bpf_call(0, &attr, sizeof attr);
        if (fd < 0) {
            return std::nullopt;
        }
        KernelValue value(static_cast<int>(fd), contents.size());
        value.call(2, contents.data());
        if (constant) {
            abi::MapElementAttr freeze{};
            freeze.map_fd = static_cast<std::uint32_t>(fd);
            os::bpf_call(22, &freeze, 4);
        }
        return value;
    }
    [[nodiscard]] int fd() const { return fd_.number(); }
    [[nodiscard]] ByteVector read() const {
        ByteVector contents(size_bytes_);
        call(1, contents.data());
        return contents;
    }

  private:
    KernelValue(int fd, std::size_t size_bytes) : fd_(fd), size_bytes_(size_bytes) {}
    void call(int command, const void* value) const {
        const std::uint32_t key = 0;
        abi::MapElementAttr attr{};
        attr.map_fd = static_cast<std::uint32_t>(fd_.number());
        attr.key = address_of(&key);
        attr.value = address_of(value);
        os::bpf_call(command, &attr, sizeof attr);
    }
    os::Fd fd_;
    std::size_t size_bytes_;
};

// Runs a program once; the packet as it left it, or nothing when the run failed.
inline std::optional<ByteVector> test_run(const os::Fd& program, const ByteVector& packet) {
    ByteVector out(100'000);
    abi::TestRunAttr attr{};
    attr.prog_fd = static_cast<std::uint32_t>(program.number());
    attr.data_in = address_of(packet.data());
    attr.data_size_in = static_cast<std::uint32_t>(packet.size());
    attr.data_out = address_of(out.data());
    attr.data_size_out = static_cast<std::uint32_t>(out.size());
    if (os::bpf_call(10, &attr, sizeof attr) < 0) {
        return std::nullopt;
    }
    out.resize(attr.data_size_out);
    return out;
}

} // namespace skep::helpers::testing
