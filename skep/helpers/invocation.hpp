// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Invocation: one run of a program on one slot, as helpers see it.
//
// Generated code passes a helper its five registers and the invocation, in that order, which on
// x86-64 puts R1..R5 into the first five argument registers and the invocation into the sixth.
// Calls that go up (a callback, a tail call) are function pointers that the engine fills in: a
// helper never includes an engine.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "skep/spec/program_types.hpp"

namespace skep::maps {
class Map;
class RingBuffer;
} // namespace skep::maps

namespace skep::helpers {

struct Invocation;

// The native form of every helper. A Map* arrives as a number; memory as an address.
using HelperFunction = std::uint64_t (*)(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t,
                                         std::uint64_t, Invocation&);

// What a host gives to the runs on one slot. All functions are data plane.
struct Services {
    void* owner = nullptr; // first argument of the functions below
    // A line of bpf_printk, without its newline.
    void (*trace)(void* owner, Invocation& invocation, const char* text,
                  std::uint32_t size) = nullptr;
    std::uint64_t (*clock_ns)(void* owner, int clock_id) = nullptr;
    // The inner map with this id, or null: slots of maps of maps hold ids.
    maps::Map* (*map_by_id)(void* owner, std::uint32_t id) = nullptr;
    // Runs the program with this id in place of the rest of the calling one: true when it ran, its
    // answer in *result; false when there is no such program (the tail call then falls through).
    bool (*run_program)(void* owner, std::uint32_t id, Invocation& invocation,
                        std::uint64_t* result) = nullptr;
    // The same program for Invocation::next_program, to run when the calling one has ended; null
    // when there is none. A host that gives no such function has run_program called always.
    void* (*program_by_id)(void* owner, std::uint32_t id) = nullptr;
};

// Where a redirect helper wants the packet to go; read by datapath/ after XDP_REDIRECT or
// TC_ACT_REDIRECT, and emptied there.
struct Redirect {
    maps::Map* map = nullptr;
    std::uint64_t index = 0; // the key in the map, or the ifindex when map is null
    std::uint64_t flags = 0;
};

// A ring buffer record between reserve and submit.
struct Reservation {
    maps::RingBuffer* ring = nullptr;
    std::uint8_t* record = nullptr;
};
inline constexpr std::uint32_t kReservationsMost = 16; // further ones are refused with NULL
static_assert(kReservationsMost < 32, "a bit each in Invocation::reserved");

// Memory that a program owns, as addresses.
struct MemoryRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0; // one past
};

// Values of a map that lie in an application's own memory: parts side by side (an array is one, a
// per-CPU array one for each CPU).
struct PlainValues {
    const void* begin = nullptr;
    std::size_t part_bytes = 0;
    std::size_t parts = 0;
};

struct Invocation {
    void* context = nullptr; // the host record of spec/contexts/host_contexts.hpp
    spec::ProgramType program_type = spec::ProgramType::unspec; // decides what bpf_redirect answers
    std::uint32_t cpu = 0;                                      // the slot
    std::uint32_t tail_calls = 0; // made so far in this run; MAX_TAIL_CALL_CNT is 33
    const Services* services = nullptr;
    Redirect redirect;
    std::uint64_t random_state = 0; // of bpf_get_prandom_u32, seeded per slot
    // Filled in by the engine for its own programs: runs the subprogram at `entry`, an opaque
    // number that the engine gave when the program loaded the subprogram's address.
    std::uint64_t (*call_back)(Invocation& invocation, std::uint64_t entry, std::uint64_t r1,
                               std::uint64_t r2, std::uint64_t r3, std::uint64_t r4,
                               std::uint64_t r5) = nullptr;
    void* engine = nullptr;        // the engine's own
    void* next_program = nullptr;  // a tail call's: runs in place of the one that ends now
    std::uint64_t loop_budget = 0; // left for may_goto
    std::uint32_t faults = 0; // runs that ended by a fault in generated code (their answer is 0)

    // What bpf_probe_read and %s may read beside the packet: the frame of the function that calls
    // (own_memory.hpp), and the values of the program's maps. All other addresses answer -EFAULT.
    // Empty: nothing may be read.
    MemoryRange stack;
    MemoryRange packet; // the frame of an XDP or socket buffer context
    std::span<maps::Map* const> maps;
    std::span<const PlainValues> plain_values; // of maps that are no Map: compiled ahead of time
    std::uint32_t reserved = 0; // bit i: reservations[i] is a record that the run holds
    std::array<Reservation, kReservationsMost> reservations{};
};

// After every run: what the program still held is given up. Only one that did not end by itself (a
// fault, a tail call that never came back) holds anything.
void give_up_records(Invocation& invocation);
inline void end_run(Invocation& invocation) {
    if (invocation.reserved != 0) [[unlikely]] {
        give_up_records(invocation);
    }
}

// The function for a helper id, or null when this build does not carry it (its row says why).
HelperFunction find_helper(std::uint32_t id);

// True for helpers that have no function because the engine itself does their work (bpf_tail_call).
bool is_done_by_engine(std::uint32_t id);

} // namespace skep::helpers
