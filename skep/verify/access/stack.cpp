// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/access/stack.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "skep/verify/access/secrets.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

constexpr std::int64_t kMaxVariableOffset = 1LL << 29;

std::string_view verb(const RegionRequest& request) {
    return request.direction == Direction::write ? "write to" : "read from";
}

Finding outside(const RegionRequest& request, std::string kernel_message, std::string because) {
    Finding finding;
    finding.code = "E0303";
    finding.os_errno = EACCES;
    finding.kernel_message = std::move(kernel_message);
    finding.what = request.direction == Direction::write ? "a write outside the stack"
                                                         : "a read outside the stack";
    finding.because = std::move(because);
    finding.suggestion = "the stack is 512 bytes below the frame pointer; use a smaller local "
                         "variable, or a map for large data";
    return finding;
}

// Below what was ever written nothing can be read by those who may not read unset bytes.
std::int64_t lowest(const Subject& subject, const State& state, const RegionRequest& request) {
    const bool writes =
        request.direction == Direction::write &&
        (request.accessor != Accessor::helper || request.before == Before::anything);
    return subject.environment.capabilities.perfmon || writes
               ? -kStackBytes
               : -static_cast<std::int64_t>(state.stack(request.value.frame).slot_count() *
                                            kSlotBytes);
}

Ruling<void> check_within(const Subject& subject, const State& state, const RegionRequest& request,
                          const StackReach& reach) {
    if (reach.min >= lowest(subject, state, request) && reach.max + request.size_bytes <= 0 &&
        reach.min < 0) {
        return {};
    }
    const std::int64_t fixed = std::int64_t{request.value.offset} + request.offset;
    if (reach.is_fixed()) {
        return outside(request,
                       fmt::format("invalid {} stack R{} off={} size={}", verb(request),
                                   request.reg, reach.min, request.size_bytes),
                       fmt::format("{} bytes at fp{:+} do not lie between fp-512 and fp",
                                   request.size_bytes, reach.min));
    }
    return outside(request,
                   fmt::format("invalid variable-offset {} stack R{} var_off={} off={} size={}",
                               verb(request), request.reg, bits_text(request.value.number.bits),
                               fixed, request.size_bytes),
                   fmt::format("R{} may point anywhere from fp{:+} to fp{:+}", request.reg,
                               reach.min, reach.max));
}

// Loads and stores: aligned to their size, whatever the machine allows elsewhere.
Ruling<void> check_aligned(const RegionRequest& request, const StackReach& reach) {
    if (request.accessor == Accessor::helper) {
        return {};
    }
    const Tnum64 place = request.value.number.bits.plus(Tnum64::constant(
        static_cast<std::uint64_t>(std::int64_t{request.value.offset} + request.offset)));
    if ((place.greatest() & (request.size_bytes - 1)) == 0) {
        return {};
    }
    Finding finding;
    finding.code = "E0309";
    finding.os_errno = EACCES;
    const std::string variable = request.value.at_fixed_offset()
                                     ? fmt::format("{:#x}", request.value.number.value())
                                     : bits_text(request.value.number.bits);
    finding.kernel_message = fmt::format("misaligned stack access off {}+{}+{} size {}",
                                         request.value.number.is_zero() ? "0" : variable,
                                         request.value.offset, request.offset, request.size_bytes);
    finding.what = "a misaligned access to the stack";
    finding.because = fmt::format("{} bytes at fp{:+}, which is not a multiple of {}",
                                  request.size_bytes, reach.min, request.size_bytes);
    finding.suggestion = "let the variable lie at an offset that its size divides";
    return finding;
}

Finding unset(const RegionRequest& request, std::int64_t begin, std::int64_t at) {
    Finding finding;
    finding.code = "E0408";
    finding.os_errno = EACCES;
    finding.kernel_message = request.accessor == Accessor::helper
                                 ? fmt::format("invalid read from stack R{} off {}+{} size {}",
                                               request.reg, begin, at - begin, request.size_bytes)
                                 : fmt::format("invalid read from stack off {}+{} size {}", begin,
                                               at - begin, request.size_bytes);
    finding.what = "stack bytes are read that were never set";
    finding.because = fmt::format("the byte at fp{:+} has no value on this path, or belongs to a "
                                  "dynptr, an iterator or an interrupt flag",
                                  at);
    finding.suggestion =
        "initialise the whole variable, its padding too: `= {}` or __builtin_memset";
    return finding;
}

Finding handed_on(const RegionRequest& request, std::int64_t begin, std::int64_t at) {
    Finding finding = unset(request, begin, at);
    finding.code = "E0205";
    finding.what = "an address on the stack is handed on";
    finding.because = fmt::format("a pointer is kept at fp{:+}, and helpers take bytes that others "
                                  "may see",
                                  at);
    finding.suggestion = "store numbers only, or load the program with CAP_PERFMON";
    return finding;
}

Finding would_write_dynptr(const RegionRequest& request, std::int64_t at) {
    Finding finding;
    finding.code = "E0303";
    finding.os_errno = EACCES;
    finding.kernel_message = fmt::format("potential write to dynptr at off={} disallowed", at);
    finding.what = "memory that belongs to a dynptr, an iterator or an interrupt flag";
    finding.because = fmt::format(
        "the byte at fp{:+} is part of one; R{} hands it out as plain memory", at, request.reg);
    return finding;
}

bool is_special(SlotByte byte) {
    return byte == SlotByte::dynptr || byte == SlotByte::iterator || byte == SlotByte::irq_flag;
}

// Every byte that may be touched, over the whole reach.
Ruling<void> check_bytes(const Subject& subject, const State& state, const RegionRequest& request,
                         const StackReach& reach) {
    const Stack& stack = state.stack(request.value.frame);
    const bool reads =
        request.direction == Direction::read || request.accessor == Accessor::atomic ||
        (request.accessor == Accessor::helper && request.before == Before::initialised);
    const bool may_read_unset = subject.environment.capabilities.perfmon;
    for (std::int64_t at = reach.min; at < reach.max + request.size_bytes; ++at) {
        const SlotByte byte = stack.byte(static_cast<int>(at));
        if (is_special(byte) && request.accessor == Accessor::helper && !reads) {
            return would_write_dynptr(request, at);
        }
        const bool hands_on =
            byte == SlotByte::spill && request.accessor == Accessor::helper &&
            is_secret(subject, stack.slot(Stack::slot_of(static_cast<int>(at))).value);
        if (reads && hands_on) {
            return handed_on(request, reach.min, at);
        }
        if (reads && (is_special(byte) || (byte == SlotByte::invalid && !may_read_unset))) {
            return unset(request, reach.min, at);
        }
    }
    return {};
}

} // namespace

StackReach stack_reach(const Value& pointer, std::int32_t offset) {
    const std::int64_t fixed = std::int64_t{pointer.offset} + offset;
    return {pointer.number.s.min + fixed, pointer.number.s.max + fixed};
}

Ruling<RegionUse> check_stack(const Subject& subject, const State& state,
                              const RegionRequest& request) {
    const Scalar& number = request.value.number;
    const bool is_fixed = number.is_constant();
    if (!is_fixed && (number.s.min <= -kMaxVariableOffset || number.s.max >= kMaxVariableOffset)) {
        return outside(request,
                       fmt::format("invalid unbounded variable-offset {} stack R{}", verb(request),
                                   request.reg),
                       fmt::format("R{} may point anywhere", request.reg));
    }
    const StackReach reach = stack_reach(request.value, request.offset);
    if (request.accessor != Accessor::helper) {
        TRY(check_aligned(request, reach));
    }
    if (!is_fixed && !subject.environment.capabilities.perfmon) {
        return outside(
            request,
            fmt::format("R{} variable stack access prohibited for !root, var_off={} off={}",
                        request.reg, bits_text(number.bits), reach.min - number.s.min),
            "an access at an offset that is not fixed needs CAP_PERFMON");
    }
    TRY(check_within(subject, state, request, reach)); // an access to no bytes begins somewhere too
    if (request.size_bytes != 0) {
        TRY(check_bytes(subject, state, request, reach));
    }
    return RegionUse{.offset_mattered = !is_fixed};
}

} // namespace skep::verify
