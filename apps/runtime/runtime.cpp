// SPDX-License-Identifier: Apache-2.0
//
// The C face of maps and helpers for programs that were compiled ahead of time. skep_runtime.h says
// what each function is.
//
// Proved by: tests/ahead/run_compile.
#include "apps/runtime/skep_runtime.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "skep/contexts/xdp_context.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/maps/map.hpp"
#include "skep/os/machine.hpp"
#include "skep/run/jit/routines.hpp"
#include "skep/spec/limits.hpp"

namespace skep::runtime {
namespace {

using Trace = void (*)(const char*, std::uint32_t);

void print(const char* text, std::uint32_t size) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(size), text);
}

// Who hears bpf_printk. The one thing that belongs to no map and no program: C sets it for the
// process.
std::atomic<Trace>& hearer() {
    static std::atomic<Trace> trace{print};
    return trace;
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
        return made;
    }();
    return all;
}

// C has names for our objects and sees no more of them than the address: these four lines are where
// the two meet.
maps::Map& map_of(skep_map* map) { return *static_cast<maps::Map*>(static_cast<void*>(map)); }
skep_map* name_of(maps::Map* map) { return static_cast<skep_map*>(static_cast<void*>(map)); }
skep_run* name_of(helpers::Invocation* run) {
    return static_cast<skep_run*>(static_cast<void*>(run));
}
maps::Map* const* maps_of(const skep_program& program) {
    return static_cast<maps::Map* const*>(static_cast<const void*>(program.maps));
}
const std::uint8_t* bytes_of(const void* memory) {
    return static_cast<const std::uint8_t*>(memory);
}

// What a program is given beside its context.
helpers::Invocation invocation_for(const skep_program& program, void* context, std::uint32_t cpu) {
    helpers::Invocation invocation;
    invocation.context = context;
    invocation.program_type = static_cast<spec::ProgramType>(program.type);
    invocation.cpu = cpu;
    invocation.services = &services();
    invocation.loop_budget = spec::limits::loop_iterations;
    // The code's own function, which C declares without its arguments.
    invocation.call_back = std::bit_cast<decltype(invocation.call_back)>(program.call_back);
    invocation.maps = {maps_of(program), program.map_count};
    return invocation;
}

std::uint64_t run(const skep_program& program, void* context, helpers::Invocation& invocation) {
    const std::uint64_t answer = program.entry(context, name_of(&invocation));
    helpers::end_run(invocation);
    return answer;
}

} // namespace
} // namespace skep::runtime

namespace runtime = skep::runtime; // what follows has C's names, outside ours

int skep_map_make(const skep_map_shape* shape, const void* initial, size_t initial_size,
                  skep_map** map) {
    using namespace skep;
    spec::MapSpec spec;
    spec.name = shape->name;
    spec.type = static_cast<spec::MapType>(shape->type);
    spec.key_size_bytes = shape->key_size;
    spec.value_size_bytes = shape->value_size;
    spec.max_entries = shape->max_entries;
    spec.flags = shape->flags;
    spec.map_extra = shape->extra;
    auto made = maps::make_map(spec, std::max(shape->cpus, 1U));
    if (!made.ok()) {
        return -std::max(errno_of(made.error()), 1);
    }
    if (initial != nullptr) {
        const std::uint32_t first = 0;
        const int wrote = (*made)->write_user(
            runtime::bytes_of(&first), Bytes(runtime::bytes_of(initial), initial_size), maps::kAny);
        if (wrote != 0) {
            return wrote;
        }
    }
    *map = runtime::name_of(made->release()); // the caller's now, until skep_map_free
    return 0;
}

void skep_map_free(skep_map* map) {
    if (map != nullptr) {
        const std::unique_ptr<skep::maps::Map> last(&runtime::map_of(map));
    }
}

void* skep_map_values(skep_map* map) {
    const auto values = runtime::map_of(map).direct_values();
    return values.has_value() ? values->base : nullptr;
}

int skep_map_lookup(skep_map* map, const void* key, void* value, size_t value_size) {
    return runtime::map_of(map).read_user(
        runtime::bytes_of(key), skep::MutableBytes(static_cast<std::uint8_t*>(value), value_size),
        0);
}

int skep_map_update(skep_map* map, const void* key, const void* value, size_t value_size,
                    uint64_t flags) {
    return runtime::map_of(map).write_user(
        runtime::bytes_of(key), skep::Bytes(runtime::bytes_of(value), value_size), flags);
}

int skep_map_erase(skep_map* map, const void* key) {
    return runtime::map_of(map).erase(runtime::bytes_of(key));
}

int skep_map_next_key(skep_map* map, const void* key, void* next) {
    return runtime::map_of(map).next_key(runtime::bytes_of(key), static_cast<std::uint8_t*>(next));
}

// POSIX has addresses of code fit a void pointer; bit_cast says that no more is meant.
void* skep_helper(uint32_t id) { return std::bit_cast<void*>(skep::helpers::find_helper(id)); }

void* skep_routine(uint32_t number) {
    using skep::run::jit::Routine;
    return number < static_cast<std::uint32_t>(Routine::count_)
               ? std::bit_cast<void*>(skep::run::jit::address_of(static_cast<Routine>(number)))
               : nullptr;
}

uint64_t skep_run_program(const skep_program* program, void* context, uint32_t cpu) {
    skep::helpers::Invocation invocation = runtime::invocation_for(*program, context, cpu);
    return runtime::run(*program, context, invocation);
}

uint32_t skep_run_xdp(const skep_program* program, void* packet, size_t* size, size_t room,
                      uint32_t cpu) {
    using namespace skep;
    const Bytes given(runtime::bytes_of(packet), *size);
    const auto visible =
        static_cast<std::uint32_t>(std::min<std::size_t>(*size, contexts::kXdpLinearMost));
    contexts::XdpContext xdp(given, 0, visible);
    xdp.record().ingress_ifindex = 1;
    helpers::Invocation invocation = runtime::invocation_for(*program, &xdp.record(), cpu);
    const auto begin = std::bit_cast<std::uint64_t>(xdp.memory().data());
    invocation.packet = {begin, begin + xdp.memory().size()};
    const std::uint64_t answer = runtime::run(*program, &xdp.record(), invocation);
    const Bytes left = xdp.contents().subspan(xdp.meta_bytes());
    std::copy_n(left.begin(), std::min(left.size(), room), static_cast<std::uint8_t*>(packet));
    *size = left.size();
    return static_cast<std::uint32_t>(answer);
}

void skep_set_trace(void (*trace)(const char* text, uint32_t size)) {
    runtime::hearer().store(trace);
}
