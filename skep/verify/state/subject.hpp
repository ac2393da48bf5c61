// SPDX-License-Identifier: Apache-2.0
//
// Subject: the program under study and all that never changes while it is studied.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "skep/bytecode/program.hpp"
#include "skep/spec/kfuncs.hpp"
#include "skep/verify/environment.hpp"
#include "skep/verify/state/value.hpp"

namespace skep::verify {

struct Subprogram {
    InsnIndex start;
    InsnIndex end;                  // one past the last
    std::string name;               // from BTF; empty without
    std::uint32_t btf_function = 0; // FUNC type id; 0 without
    bool is_global = false;         // verified once, from its signature
    bool has_calls = false;         // to helpers, kfuncs or subprograms
    bool has_tail_call = false;
    bool is_callback = false;  // its address is taken
    bool moves_packet = false; // it, or what it calls, may change packet bounds
    bool may_sleep = false;
};

// What a pointer that is kept in a value or object is.
enum class PointerField : std::uint8_t {
    none,
    untrusted, // stored and loaded freely, as good as any address
    owned,     // exchanged only, with its reference
    per_cpu,   // the same, of an object for every CPU
    user,      // memory of user space
};

// A field of a map's value or of an object that only its own helpers may touch
// (access/special_fields).
struct SpecialField {
    std::string_view name; // of its type: "bpf_spin_lock"; "kptr", "percpu_kptr", "uptr"
    std::uint32_t offset = 0;
    std::uint32_t size_bytes = 0;
    PointerField pointer = PointerField::none;
    std::uint32_t type = 0;        // pointers: to what; lists and trees: the objects in them
    std::uint32_t instance = 0;    // whose type: 0 the kernel's, 1 the program's
    std::uint32_t node_offset = 0; // lists and trees: where in an object its node lies
};

struct Subject {
    const ProgramSpec& program;
    const Environment& environment;
    std::vector<Insn> insns;             // by slot
    std::vector<Subprogram> subprograms; // main first
    // By type of the program, once asked for (access/special_fields): they never change.
    mutable std::unordered_map<std::uint32_t, std::vector<SpecialField>> special_fields = {};
    // Instructions that are refused when they are reached, with the words for it; in `insns` stands
    // something of the same shape.
    std::map<InsnIndex, std::string> unusable = {};

    [[nodiscard]] const spec::MapSpec& map(MapRef ref) const {
        const spec::MapSpec& outer = environment.maps[ref.index()];
        return ref.is_inner() ? *outer.inner : outer;
    }
    // The subprogram that begins exactly there, or that an instruction belongs to.
    [[nodiscard]] std::optional<std::uint32_t> subprogram_at(InsnIndex start) const;
    [[nodiscard]] std::uint32_t subprogram_of(InsnIndex at) const;
    [[nodiscard]] const Insn& insn(InsnIndex at) const { return insns[at.value]; }
    // The kernel's function that a call_kfunc calls, and its row; null when the types that were
    // given have no such function, or when it is a module's.
    [[nodiscard]] const btf::Type* called_kfunc(const Insn& insn) const;
    [[nodiscard]] const spec::KfuncRow* kfunc_row(const Insn& insn) const;
};

} // namespace skep::verify
