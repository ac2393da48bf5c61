// SPDX-License-Identifier: Apache-2.0
//
// Writer of calls: registers are filled with things of every kind, then something is called.
//
// Where things are kept until the call: R6 the context, R7 a map value, R8 whatever the one probe
// needs beside it. The stack: 64 zero bytes at fp-64, a dynptr at fp-80, nothing below.
#pragma once

#include "tests/verdicts/campaign/generator/draft.hpp"
#include "tests/verdicts/probes/probe.hpp"

namespace skep::tests::probes {

// What an argument may be given.
enum class Offer : std::uint8_t {
    unset, // what is in the register already
    zero,
    one,
    sixteen,
    minus_one,
    huge, // a size that no memory has
    unknown_number,
    small_number, // 0 to 15
    stack,
    stack_high, // fp-8
    stack_end,  // fp
    unwritten_stack,
    context,
    context_moved,
    map,
    map_value,
    map_value_end,
    map_value_or_null,
    read_only_value,
    packet,
    packet_end,
    socket,
    socket_or_null,
    task,
    task_untrusted,
    record, // of a ring buffer
    record_or_null,
    dynptr,
    lock,
    timer,
    function,
    packet_unchecked,
};
inline constexpr std::size_t kOffers = 32;
std::string_view name_of(Offer offer);

// Places in one_map_of_each_kind() that are no kind's own.
inline constexpr std::uint32_t kValueMap = 0;
inline constexpr std::uint32_t kTextMap = 1;
inline constexpr std::uint32_t kLockMap = 2;
inline constexpr std::uint32_t kTimerMap = 3;
inline constexpr std::uint32_t kFirstOfKinds = 4; // then by number: hash is 1
// The place of a map of the kind; kValueMap for one that is not there.
std::uint32_t map_of_kind(spec::MapType type);

class Writer {
  public:
    explicit Writer(const Caller& caller);

    // Fills a register with the offer; `map` is the place of the map that Offer::map means.
    void fill(Reg reg, Offer offer, std::uint32_t map);
    // What must be made before registers are filled: it is left in R8 (the dynptr on the stack).
    // False when this caller has no such thing.
    bool prepare(Offer offer);
    void add(const Insn& insn) { draft_.add(insn); }
    // The rest: an answer, and the functions whose addresses were taken.
    [[nodiscard]] ProgramSpec finish();

  private:
    using Draft = campaign::Draft;

    void unless_null(Reg reg);
    bool look_up(std::uint32_t map, bool checked);
    bool load_packet(bool checked);
    bool load_packet_end();
    bool load_task(bool trusted);
    bool reserve_record(bool checked);
    bool make_dynptr();
    bool load_socket(bool checked);

    const Caller& caller_;
    Draft draft_;
    Draft::Label out_;
    Draft::Label function_;
    bool function_named_ = false;
};

// A call of `helper` (or of a kernel function by its id) with these offers; no program when the
// caller lacks one of them.
struct CallProbe {
    Insn call;
    std::array<Offer, 5> offers{};
    std::uint32_t map = kValueMap;
};
bool write_call(const Caller& caller, const CallProbe& call, Probe& probe);

} // namespace skep::tests::probes
