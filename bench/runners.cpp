// SPDX-License-Identifier: Apache-2.0
#include "bench/runners.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

#include "skep/maps/testing/kernel_map.hpp"
#include "skep/os/bpf_call.hpp"
#include "skep/run/interpreter/counted.hpp"
#include "skep/spec/abi.hpp"
#include "tests/support/witness.hpp"

namespace skep::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kRoutes = 1000;
constexpr int kProgLoad = 5;
constexpr int kProgTestRun = 10;

std::uint64_t mixed(std::uint64_t number) { return (number + 1) * 0x9e3779b97f4a7c15ULL; }

// bpf(2) and the XDP record hold addresses as numbers: the two casts of this file are that.
std::uint64_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

std::uint8_t* at_address(std::uint64_t number) { return reinterpret_cast<std::uint8_t*>(number); }

std::uint64_t steady_ns(void*, int) {
    return static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
}

// Calls write(key, value) for what a map holds at the beginning.
template <class Write>
void fill(const spec::MapSpec& shape, Write write) {
    ByteVector value(shape.value_size_bytes);
    if (shape.type == spec::MapType::array) {
        for (std::uint32_t i = 0; i < shape.max_entries; ++i) {
            for (std::size_t at = 0; at < value.size(); ++at) {
                value[at] = static_cast<std::uint8_t>(mixed(i * 64 + at) >> 56);
            }
            write(std::bit_cast<std::array<std::uint8_t, 4>>(i).data(), value.data());
        }
    } else if (shape.type == spec::MapType::lpm_trie && shape.key_size_bytes == 8) {
        for (std::uint32_t i = 0; i < kRoutes; ++i) {
            const std::array<std::uint32_t, 2> key{8 + i % 17,
                                                   static_cast<std::uint32_t>(mixed(i) >> 20)};
            write(std::bit_cast<std::array<std::uint8_t, 8>>(key).data(), value.data());
        }
    }
}

template <class Run>
double time_of(std::uint32_t runs, Run run) {
    const auto begin = Clock::now();
    for (std::uint32_t i = 0; i < runs; ++i) {
        run();
    }
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / runs;
}

contexts::XdpContext context_of(const ByteVector& packet) {
    return contexts::XdpContext(packet, 0, static_cast<std::uint32_t>(packet.size()));
}

// The instructions as bpf(2) wants them: maps by descriptor.
Result<std::vector<RawInsn>> with_descriptors(std::span<const RawInsn> insns,
                                              std::span<const os::Fd> maps) {
    std::vector<RawInsn> result(insns.begin(), insns.end());
    const std::vector<Insn> decoded = TRY(decode_all(insns));
    for (std::size_t at = 0; at < decoded.size(); at += decoded[at].slots()) {
        Insn insn = decoded[at];
        if (insn.kind == InsnKind::load_wide && insn.wide_source == WideSource::map_index) {
            insn.wide_source = WideSource::map_fd;
            insn.imm = maps[static_cast<std::size_t>(insn.imm)].number();
            const auto raw = encode(insn);
            result[at] = raw[0];
        }
    }
    return result;
}

void* native_lookup(void* map, const void* key) {
    return static_cast<maps::Map*>(map)->lookup(static_cast<const std::uint8_t*>(key), 0);
}
long native_update(void* map, const void* key, const void* value) {
    return static_cast<maps::Map*>(map)->update(static_cast<const std::uint8_t*>(key),
                                                static_cast<const std::uint8_t*>(value), maps::kAny,
                                                0);
}
long native_erase(void* map, const void* key) {
    return static_cast<maps::Map*>(map)->erase(static_cast<const std::uint8_t*>(key));
}
std::uint64_t native_now() { return steady_ns(nullptr, 0); }

} // namespace

Maps::Maps(std::span<const load::ObjectMap> maps) {
    for (const load::ObjectMap& map : maps) {
        auto made = maps::make_map(map.spec, 1).value();
        fill(map.spec, [&](const std::uint8_t* key, const std::uint8_t* value) {
            made->update(key, value, maps::kAny, 0);
        });
        binding_.maps.push_back(made.get());
        maps_.push_back(std::move(made));
    }
}

EngineRunner::EngineRunner(std::span<const load::ObjectMap> maps, const ByteVector& packet)
    : maps_(maps), context_(context_of(packet)) {
    services_.clock_ns = steady_ns;
    invocation_.services = &services_;
    invocation_.context = &context_.record();
    invocation_.program_type = spec::ProgramType::xdp;
}

Result<std::unique_ptr<EngineRunner>> EngineRunner::make(const verify::VerifiedProgram& program,
                                                         run::Tier tier,
                                                         std::span<const load::ObjectMap> maps,
                                                         const ByteVector& packet) {
    std::unique_ptr<EngineRunner> runner(new EngineRunner(maps, packet));
    runner->executable_ = TRY(run::make_executable(program, runner->binding(), tier)).executable;
    return runner;
}

double EngineRunner::time_ns(std::uint32_t runs) {
    return time_of(runs, [this] { executable_->run(&context_.record(), invocation_); });
}

std::uint32_t EngineRunner::run() {
    return static_cast<std::uint32_t>(executable_->run(&context_.record(), invocation_));
}

constexpr std::uint64_t kMostSteps = 1'000'000'000;

WitnessRunner::WitnessRunner(std::span<const RawInsn> insns, const ByteVector& packet)
    : insns_(insns.begin(), insns.end()), context_(context_of(packet)) {}

bool WitnessRunner::can_run() {
    return tests::witness(insns_, &context_.record(), kMostSteps).has_value();
}

double WitnessRunner::time_ns(std::uint32_t runs) {
    return time_of(runs, [this] { run(); });
}

std::uint32_t WitnessRunner::run() {
    return static_cast<std::uint32_t>(
        tests::witness(insns_, &context_.record(), kMostSteps).value_or(0));
}

Result<std::unique_ptr<KernelRunner>> KernelRunner::make(std::span<const RawInsn> insns,
                                                         std::span<const load::ObjectMap> maps,
                                                         ByteVector packet) {
    auto runner = std::make_unique<KernelRunner>();
    for (const load::ObjectMap& map : maps) {
        auto made = maps::testing::KernelMap::make(map.spec);
        if (!made.has_value()) {
            return fail(Code::unsupported, "no map '" + map.spec.name + "' here");
        }
        fill(map.spec, [&](const std::uint8_t* key, const std::uint8_t* value) {
            made->write(key, value, maps::kAny);
        });
        runner->maps_.push_back(TRY(made->fd().duplicate()));
    }
    const std::vector<RawInsn> bound = TRY(with_descriptors(insns, runner->maps_));
    abi::ProgLoadAttr attributes{};
    attributes.prog_type = static_cast<std::uint32_t>(spec::ProgramType::xdp);
    attributes.insn_cnt = static_cast<std::uint32_t>(bound.size());
    attributes.insns = address(bound.data());
    attributes.license = address("GPL");
    const long fd = os::bpf_call(kProgLoad, &attributes, sizeof attributes);
    if (fd < 0) {
        return error_from_errno(static_cast<int>(-fd), "PROG_LOAD");
    }
    runner->program_ = os::Fd(static_cast<int>(fd));
    runner->packet_ = std::move(packet);
    return runner;
}

KernelRunner::Answer KernelRunner::test_run(std::uint32_t runs) {
    abi::TestRunAttr attributes{};
    attributes.prog_fd = static_cast<std::uint32_t>(program_.number());
    attributes.data_size_in = static_cast<std::uint32_t>(packet_.size());
    attributes.data_in = address(packet_.data());
    attributes.repeat = runs;
    os::bpf_call(kProgTestRun, &attributes, sizeof attributes);
    return {attributes.retval, static_cast<double>(attributes.duration)};
}

NativeRunner::NativeRunner(int (*function)(void*), std::span<const load::ObjectMap> maps,
                           const ByteVector& packet)
    : maps_(maps), context_(context_of(packet)), function_(function) {
    for (maps::Map* map : maps_.binding().maps) {
        pointers_.push_back(map);
    }
    const spec::HostXdp& record = context_.record();
    native_ = {at_address(record.data),
               at_address(record.data_end),
               pointers_.data(),
               native_lookup,
               native_update,
               native_erase,
               native_now};
}

double NativeRunner::time_ns(std::uint32_t runs) {
    return time_of(runs, [this] { function_(&native_); });
}

std::uint64_t steps_of(const verify::VerifiedProgram& program,
                       std::span<const load::ObjectMap> maps, const ByteVector& packet) {
    const Maps own(maps);
    auto counted = run::make_counted(program, own.binding());
    if (!counted.ok()) {
        return 0;
    }
    contexts::XdpContext context = context_of(packet);
    helpers::Services services;
    services.clock_ns = steady_ns;
    helpers::Invocation invocation;
    invocation.services = &services;
    const auto total = [&] {
        (*counted)->run(&context.record(), invocation);
        std::uint64_t sum = 0;
        for (const std::uint64_t count : (*counted)->counts()) {
            sum += count;
        }
        return sum;
    };
    total();
    const std::uint64_t warm = total();
    return total() - warm;
}

} // namespace skep::bench
