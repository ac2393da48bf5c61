// SPDX-License-Identifier: Apache-2.0
//
// Value: what is known about a register or a spilled slot: a number, or a pointer of a kind.
//
//   address of a pointer  =  base of its kind  +  offset  +  number
//
// `offset` is the part that is the same on every run, `number` the part that is not. What the base
// is depends on the kind: the frame's top, the packet's first byte, the beginning of a map value.
// A Value is plain data: copied, compared and hashed as such.
#pragma once

#include <cstdint>

#include "skep/verify/domain/scalar.hpp"

namespace skep::verify {

enum class ValueKind : std::uint8_t {
    uninitialised,
    scalar,
    context,     // what R1 points at on entry
    map_pointer, // the map itself
    map_value,
    map_key, // in a for-each callback
    stack,   // frame `frame`'s; base is its top
    packet_meta,
    packet,
    packet_end,
    flow_keys,
    socket,
    socket_common,
    tcp_socket,
    xdp_socket,
    tracepoint_buffer,
    btf_object, // a structure of the kernel or an own one, typed by BTF
    memory,     // `size` bytes of a helper, a ring buffer record, a global function's argument
    buffer,     // an iterator's buffer, whose size is checked when the program is attached
    arena,
    function, // a subprogram's address, for callbacks
    dynptr,   // a dynptr handed to a callback or global function
};

// Bits of Value::flags.
enum ValueFlag : std::uint32_t {
    kMaybeNull = 1U << 0,
    kReadOnly = 1U << 1,
    kRingbuf = 1U << 2,
    kUser = 1U << 3,
    kPercpu = 1U << 4,
    kUntrusted = 1U << 5,
    kTrusted = 1U << 6,
    kRcu = 1U << 7,
    kAllocated = 1U << 8, // from bpf_obj_new
    kNonOwning = 1U << 9,
    kFromDynptr = 1U << 10, // a slice of a packet's dynptr: it moves with the packet
};

// A map, by the index that instructions carry; or the inner map that was looked up in it.
struct MapRef {
    static constexpr std::uint32_t kInner = 1U << 31;
    std::uint32_t number = 0;

    constexpr MapRef() = default;
    constexpr explicit MapRef(std::uint32_t n) : number(n) {}
    [[nodiscard]] constexpr bool is_inner() const { return (number & kInner) != 0; }
    [[nodiscard]] constexpr std::uint32_t index() const { return number & ~kInner; }
    [[nodiscard]] constexpr MapRef inner() const { return MapRef{number | kInner}; }
    constexpr bool operator==(const MapRef&) const = default;
};

// Packet pointers: what a comparison with the end proved, in `range`.
inline constexpr std::int32_t kAtPacketEnd = -1;     // exactly at it or beyond
inline constexpr std::int32_t kBeyondPacketEnd = -2; // strictly beyond

struct Value {
    ValueKind kind = ValueKind::uninitialised;
    std::uint8_t frame = 0;       // stack: whose
    bool linked_by_delta = false; // scalars: equals its id's number plus `offset`
    std::uint32_t flags = 0;      // ValueFlag
    std::int32_t offset = 0;
    std::uint32_t id = 0;           // values with one id move together; 0: none
    std::uint32_t reference_id = 0; // the open reference that it lives by; 0: none
    std::uint32_t subject = 0;      // see map(), type_id(), size_bytes(), subprogram()
    std::int32_t range = 0;         // packet: bytes proved from the base
    std::uint32_t origin = 0;       // scalars: what it was computed from (dependencies.hpp)
    std::uint32_t instance = 0;     // map_*: which looked-up inner map; btf_object: 0 kernel, 1
                                // program's BTF; memory: the id of the dynptr that it is a slice of
    Scalar number = Scalar::constant(0);

    constexpr bool operator==(const Value&) const = default;

    static constexpr Value uninitialised() { return {}; }
    static constexpr Value scalar(const Scalar& number) {
        Value value;
        value.kind = ValueKind::scalar;
        value.number = number;
        return value;
    }
    static constexpr Value unknown() { return scalar(Scalar::top()); }
    static constexpr Value constant(std::uint64_t number) {
        return scalar(Scalar::constant(number));
    }
    static constexpr Value pointer(ValueKind kind, std::uint32_t flags = 0,
                                   std::uint32_t subject = 0) {
        Value value;
        value.kind = kind;
        value.flags = flags;
        value.subject = subject;
        return value;
    }
    static constexpr Value stack_pointer(std::uint8_t frame, std::int32_t offset = 0) {
        Value value = pointer(ValueKind::stack);
        value.frame = frame;
        value.offset = offset;
        return value;
    }

    [[nodiscard]] constexpr bool is(ValueKind wanted) const { return kind == wanted; }
    [[nodiscard]] constexpr bool has(std::uint32_t flag) const { return (flags & flag) != 0; }
    [[nodiscard]] constexpr bool is_initialised() const { return kind != ValueKind::uninitialised; }
    [[nodiscard]] constexpr bool is_scalar() const { return kind == ValueKind::scalar; }
    [[nodiscard]] constexpr bool is_pointer() const { return is_initialised() && !is_scalar(); }
    [[nodiscard]] constexpr bool may_be_null() const { return has(kMaybeNull); }
    [[nodiscard]] constexpr bool is_constant() const { return is_scalar() && number.is_constant(); }
    [[nodiscard]] constexpr bool is_constant_zero() const {
        return is_scalar() && number.is_zero();
    }
    // A pointer into a packet or its metadata, or at its end.
    [[nodiscard]] constexpr bool is_any_packet() const {
        return is(ValueKind::packet) || is(ValueKind::packet_meta) || is(ValueKind::packet_end);
    }
    // The variable part is known, so that base + offset + number is one place.
    [[nodiscard]] constexpr bool at_fixed_offset() const { return number.is_constant(); }

    // The payload by its meaning for the kind.
    [[nodiscard]] constexpr MapRef map() const {
        return MapRef{subject};
    } // map_pointer, map_value, map_key
    [[nodiscard]] constexpr std::uint32_t type_id() const { return subject; }    // btf_object
    [[nodiscard]] constexpr std::uint32_t size_bytes() const { return subject; } // memory
    [[nodiscard]] constexpr std::uint32_t subprogram() const { return subject; } // function: index
};

// Hands out the ids of one verification: never 0, never twice.
class IdSource {
  public:
    std::uint32_t next() { return ++last_; }

  private:
    std::uint32_t last_ = 0;
};

} // namespace skep::verify
