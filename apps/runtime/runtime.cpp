// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Runs of programs that were compiled ahead of time, in C. skep_runtime.h says what
// each function is.
//
// Proved by: tests/ahead/run_compile.
#include "apps/runtime/skep_runtime.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdio>

#include "apps/runtime/c_names.hpp"
#include "apps/runtime/layout.hpp"
#include "apps/runtime/tables.hpp"
#include "skep/contexts/skb_context.hpp"
#include "skep/contexts/xdp_context.hpp"
#include "skep/os/machine.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/jit/routines.hpp"
#include "skep/spec/limits.hpp"

namespace skep::runtime {
namespace {

using spec::ProgramType;
using Trace = void (*)(const char*, std::uint32_t);

void print(const char* text, std::uint32_t size) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(size), text);
}

// Who hears bpf_printk. C sets it for the process.
std::atomic<Trace>& hearer() {
    static std::atomic<Trace> trace{print};
    return trace;
}

std::span<const helpers::PlainValues> plain_values_of(const skep_program& program) {
    static_assert(sizeof(helpers::PlainValues) == sizeof(skep_memory) &&
                  offsetof(helpers::PlainValues, part_bytes) == offsetof(skep_memory, part_size) &&
                  offsetof(helpers::PlainValues, parts) == offsetof(skep_memory, parts));
    const void* const first = program.memory; // C's name for the same
    return {static_cast<const helpers::PlainValues*>(first), program.memory_count};
}

// On this invocation, which may be that of a program that calls this one: what a run needs of it is
// put back afterwards.
std::uint64_t enter(const skep_program& program, void* context, helpers::Invocation& invocation) {
    // Two kilobytes, of which a run uses a few words and would clear all: only the first `count`
    // are ever read, and those are written below.
    std::array<maps::Map*, SKEP_PROGRAM_MAPS> maps; // NOLINT(*-member-init)
    const std::size_t count = std::min<std::size_t>(program.map_count, maps.size());
    for (std::size_t i = 0; i < count; ++i) {
        maps[i] = &map_of(*program.maps[i]);
    }
    const auto outer_call_back = invocation.call_back;
    const auto outer_maps = invocation.maps;
    const auto outer_values = invocation.plain_values;
    const std::uint64_t outer_budget = invocation.loop_budget;
    // The code's own function, which C declares without its arguments.
    invocation.call_back = std::bit_cast<decltype(invocation.call_back)>(program.call_back);
    invocation.maps = {maps.data(), count};
    invocation.plain_values = plain_values_of(program);
    invocation.loop_budget = spec::limits::loop_iterations;
    const std::uint64_t answer = program.entry(context, name_of(&invocation));
    invocation.call_back = outer_call_back;
    invocation.maps = outer_maps;
    invocation.plain_values = outer_values;
    invocation.loop_budget = outer_budget;
    return answer;
}

// A tail call: to a program of the same type, which is what makes the context fit.
bool run_numbered(void*, std::uint32_t number, helpers::Invocation& invocation,
                  std::uint64_t* answer) {
    const skep_program* const program = tables().program(number);
    if (program == nullptr || invocation.cpu >= program->cpus ||
        program->type != static_cast<std::uint32_t>(invocation.program_type)) {
        return false;
    }
    *answer = enter(*program, invocation.context, invocation);
    return true;
}

const helpers::Services& services() {
    static const helpers::Services all = [] {
        helpers::Services made;
        made.trace = [](void*, helpers::Invocation&, const char* text, std::uint32_t size) {
            if (const Trace trace = hearer().load(); trace != nullptr) {
                trace(text, size);
            }
        };
        made.clock_ns = [](void*, int clock_id) { return os::clock_ns(clock_id); };
        made.map_by_id = [](void*, std::uint32_t number) { return tables().map(number); };
        made.run_program = run_numbered;
        return made;
    }();
    return all;
}

std::uint64_t run(const skep_program& program, void* context, std::uint32_t cpu,
                  helpers::MemoryRange packet) {
    if (cpu >= program.cpus) {
        return 0; // its values of per-CPU maps would be elsewhere
    }
    helpers::Invocation invocation;
    invocation.context = context;
    invocation.program_type = static_cast<ProgramType>(program.type);
    invocation.cpu = cpu;
    invocation.services = &services();
    invocation.packet = packet;
    const std::uint64_t answer = enter(program, context, invocation);
    helpers::end_run(invocation);
    return answer;
}

helpers::MemoryRange range_of(Bytes memory) {
    const auto begin = std::bit_cast<std::uint64_t>(memory.data());
    return {begin, begin + memory.size()};
}

void give_back(Bytes left, void* packet, std::size_t* size, std::size_t room) {
    std::copy_n(left.begin(), std::min(left.size(), room), bytes_of(packet));
    *size = left.size();
}

bool is_on_frames(ProgramType type) {
    return type == ProgramType::sched_cls || type == ProgramType::sched_act;
}
bool is_on_packets(ProgramType type) {
    return type == ProgramType::socket_filter || type == ProgramType::cgroup_skb;
}

// The frame that a context made by the caller tells of.
helpers::MemoryRange packet_of(ProgramType type, const void* context) {
    if (type == ProgramType::xdp) {
        const auto& xdp = *static_cast<const spec::HostXdp*>(context);
        return {xdp.data_hard_start, xdp.data_hard_end + xdp.beyond_bytes};
    }
    if (is_on_frames(type) || is_on_packets(type)) {
        const auto& skb = *static_cast<const spec::HostSkb*>(context);
        return {skb.head, skb.tail_end};
    }
    return {};
}

} // namespace
} // namespace skep::runtime

namespace runtime = skep::runtime; // what follows has C's names, outside ours

// POSIX has addresses of code fit a void pointer; bit_cast says that no more is meant.
void* skep_helper(uint32_t id) { return std::bit_cast<void*>(skep::helpers::find_helper(id)); }

void* skep_routine(uint32_t number) {
    using skep::run::jit::Routine;
    if (number >= static_cast<std::uint32_t>(Routine::count_)) {
        return nullptr;
    }
    const auto routine = static_cast<Routine>(number);
    // Loads that may fault end where the handlers say.
    if (routine == Routine::guarded_load && !skep::run::code::install_fault_handlers().ok()) {
        return nullptr;
    }
    return std::bit_cast<void*>(skep::run::jit::address_of(routine));
}

uint64_t skep_layout(void) { return runtime::layout_number(); }

uint64_t skep_run_program(const skep_program* program, void* context, uint32_t cpu) {
    const auto type = static_cast<skep::spec::ProgramType>(program->type);
    return runtime::run(*program, context, cpu, runtime::packet_of(type, context));
}

uint32_t skep_run_xdp(const skep_program* program, void* packet, size_t* size, size_t room,
                      uint32_t cpu) {
    using namespace skep;
    const Bytes given(runtime::bytes_of(packet), *size);
    const auto visible =
        static_cast<std::uint32_t>(std::min<std::size_t>(*size, contexts::kXdpLinearMost));
    contexts::XdpContext xdp(given, 0, visible);
    xdp.record().ingress_ifindex = 1;
    const std::uint64_t answer =
        runtime::run(*program, &xdp.record(), cpu, runtime::range_of(xdp.memory()));
    runtime::give_back(xdp.contents().subspan(xdp.meta_bytes()), packet, size, room);
    return static_cast<std::uint32_t>(answer);
}

uint32_t skep_run_skb(const skep_program* program, void* frame, size_t* size, size_t room,
                      uint32_t cpu) {
    using namespace skep;
    constexpr std::size_t kLongest = 65536 + contexts::kEthernetBytes;
    if (*size < contexts::kEthernetBytes || *size > kLongest) {
        return 0;
    }
    const auto type = static_cast<spec::ProgramType>(program->type);
    contexts::SkbContext skb(Bytes(runtime::bytes_of(frame), *size),
                             runtime::is_on_frames(type) ? contexts::FirstLayer::link
                                                         : contexts::FirstLayer::network);
    const std::uint64_t answer =
        runtime::run(*program, &skb.record(), cpu, runtime::range_of(skb.memory()));
    runtime::give_back(skb.frame(), frame, size, room);
    return static_cast<std::uint32_t>(answer);
}

void skep_set_trace(void (*trace)(const char* text, uint32_t size)) {
    runtime::hearer().store(trace);
}
