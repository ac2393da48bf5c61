// SPDX-License-Identifier: Apache-2.0
//
// Bench: bpf(2) as a function, whoever answers it, and the row of its answers. A scenario is a row
// of calls; compare() makes them of skep's engine and of the kernel, and wants the same answers.
// Where the kernel does not let us use bpf(2), its part is skipped.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "skep/base/bytes.hpp"
#include "skep/client/transport.hpp"
#include "skep/os/bpf_call.hpp"
#include "skep/os/fd.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/commands.hpp"
#include "skep/spec/map_spec.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::tests {

using spec::Command;

inline std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
}

// An engine as a function, and the results of what was asked so far.
class Bench {
  public:
    using Engine = std::function<long(std::uint32_t, void*, std::uint32_t)>;
    explicit Bench(Engine engine) : engine_(std::move(engine)) {}

    // Attributes as raw bytes, so that sizes and stray bytes can be wrong on purpose.
    long raw(std::uint32_t command, ByteVector attributes) {
        const long result =
            engine_(command, attributes.data(), static_cast<std::uint32_t>(attributes.size()));
        return note(result, spec::find_command(command));
    }
    template <class T>
    long call(Command command, const T& attributes) {
        const spec::CommandRow* row = spec::find_command(static_cast<std::uint32_t>(command));
        std::vector<std::uint8_t> bytes(row->bytes);
        std::memcpy(bytes.data(), &attributes,
                    std::min<std::size_t>(bytes.size(), sizeof attributes));
        return note(engine_(static_cast<std::uint32_t>(command), bytes.data(), row->bytes), row);
    }

    int map(spec::MapType type, std::uint32_t flags = 0) {
        abi::MapCreateAttr attr{};
        attr.map_type = static_cast<std::uint32_t>(type);
        attr.key_size = 4;
        attr.value_size = 8;
        attr.max_entries = 4;
        attr.map_flags = flags;
        const long fd = call(Command::map_create, attr);
        held_.emplace_back(static_cast<int>(fd));
        return static_cast<int>(fd);
    }

    // A program that answers `result` at once.
    int program(spec::ProgramType type, std::int32_t result = 2, std::uint32_t attach_type = 0) {
        const std::uint64_t insns[] = {(static_cast<std::uint64_t>(result) << 32) | 0xb7, 0x95};
        static constexpr char kLicense[] = "GPL";
        abi::ProgLoadAttr attr{};
        attr.prog_type = static_cast<std::uint32_t>(type);
        attr.insn_cnt = 2;
        attr.insns = address_of(insns);
        attr.license = address_of(kLicense);
        attr.expected_attach_type = attach_type;
        const long fd = call(Command::prog_load, attr);
        held_.emplace_back(static_cast<int>(fd));
        return static_cast<int>(fd);
    }
    // Notes something that is no answer of its own: a field that came back.
    void see(long value) { results_.push_back(value); }
    // The engine's answer, not noted; attributes come back.
    template <class T>
    long ask(Command command, T& attributes) {
        const spec::CommandRow* row = spec::find_command(static_cast<std::uint32_t>(command));
        std::vector<std::uint8_t> bytes(std::max<std::size_t>(row->bytes, sizeof attributes));
        std::memcpy(bytes.data(), &attributes, sizeof attributes);
        const long result = engine_(static_cast<std::uint32_t>(command), bytes.data(), row->bytes);
        std::memcpy(&attributes, bytes.data(), sizeof attributes);
        return result;
    }

    [[nodiscard]] const std::vector<long>& results() const { return results_; }

  private:
    // Descriptors differ from engine to engine: only that there is one counts.
    long note(long result, const spec::CommandRow* row) {
        const bool is_descriptor =
            row != nullptr && row->returns == spec::CommandReturns::descriptor && result >= 0;
        results_.push_back(is_descriptor ? 1000 : result);
        return result;
    }

    Engine engine_;
    std::vector<long> results_;
    std::vector<os::Fd> held_;
};

using Scenario = std::function<void(Bench&)>;

inline void compare(const Scenario& scenario) {
    auto transport = client::connect_in_process();
    ASSERT_TRUE(transport.ok()) << transport.error().message;
    Bench ours([&](std::uint32_t command, void* attributes, std::uint32_t size) {
        return (*transport)->bpf(command, attributes, size);
    });
    scenario(ours);
    Bench kernels([](std::uint32_t command, void* attributes, std::uint32_t size) {
        return os::bpf_call(static_cast<int>(command), attributes, size);
    });
    if (kernels.map(spec::MapType::array) < 0) {
        GTEST_SKIP() << "the kernel does not let us use bpf(2)";
    }
    Bench oracle([](std::uint32_t command, void* attributes, std::uint32_t size) {
        return os::bpf_call(static_cast<int>(command), attributes, size);
    });
    scenario(oracle);
    ASSERT_EQ(ours.results().size(), oracle.results().size());
    for (std::size_t i = 0; i < ours.results().size(); ++i) {
        EXPECT_EQ(ours.results()[i], oracle.results()[i])
            << "call " << i << ": ours, then the kernel's";
    }
}

} // namespace skep::tests
