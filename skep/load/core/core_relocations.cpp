// SPDX-License-Identifier: Apache-2.0
//
// CO-RE: instructions that speak of a field, type or enumerator of the kernel get the numbers of
// the target kernel.
//
//   arithmetic, move, store of a constant  the immediate
//   load, store                            the offset; the width too when the field changed its
//   size wide immediate                         both halves
//
// What the target lacks poisons the instruction: it becomes a call of a helper that does not exist,
// so that a program may carry such code as long as it is never reached, and the verifier's answer
// names it: "invalid func unknown#195896080".
#include <limits>
#include <map>

#include <fmt/format.h>

#include "skep/load/core/resolve.hpp"
#include "skep/load/draft.hpp"

namespace skep::load {
namespace {

constexpr std::uint8_t kClassMask = 0x07;
constexpr std::uint8_t kSizeMask = 0x18;

enum class InsnClass : std::uint8_t {
    load_immediate = 0,
    load = 1,
    store_immediate = 2,
    store = 3,
    alu32 = 4,
    alu64 = 7
};

InsnClass class_of(const RawInsn& insn) { return static_cast<InsnClass>(insn.opcode & kClassMask); }

void poison(RawInsn& insn) { insn = kUnresolvedInsn; }

std::optional<std::uint8_t> size_bits(std::uint32_t bytes) {
    switch (bytes) {
    case 8:
        return 0x18;
    case 4:
        return 0x00;
    case 2:
        return 0x08;
    case 1:
        return 0x10;
    default:
        return std::nullopt;
    }
}

Result<void> check_was(std::uint64_t found, const core::Resolution& resolution) {
    if (resolution.has_local_value && found != resolution.local_value) {
        return fail(Code::invalid_input,
                    fmt::format("the instruction holds {}, and the types say {}", found,
                                resolution.local_value));
    }
    return {};
}

// A load or store: its offset, and its width when the field's changed. False: poison it.
Result<bool> patch_access(RawInsn& insn, const core::Resolution& resolution) {
    TRY(check_was(static_cast<std::uint64_t>(std::int64_t{insn.offset}), resolution));
    if (*resolution.value > static_cast<std::uint64_t>(std::numeric_limits<std::int16_t>::max())) {
        return fail(Code::unsupported,
                    fmt::format("offset {} does not fit a load or store", *resolution.value));
    }
    insn.offset = static_cast<std::int16_t>(*resolution.value);
    if (resolution.local_bytes == resolution.target_bytes) {
        return true;
    }
    const auto bits = size_bits(resolution.target_bytes);
    if (!resolution.may_resize || !bits ||
        size_bits(resolution.local_bytes) != (insn.opcode & kSizeMask)) {
        return false;
    }
    insn.opcode = static_cast<std::uint8_t>((insn.opcode & ~kSizeMask) | *bits);
    return true;
}

Result<bool> patch(std::vector<RawInsn>& insns, std::uint32_t at,
                   const core::Resolution& resolution) {
    RawInsn& insn = insns[at];
    if (is_wide_immediate(insn)) {
        if (at + 1 >= insns.size()) {
            return fail(Code::invalid_input,
                        "a wide immediate is cut short by the end of the section");
        }
        if (insn.src() != 0) {
            return fail(Code::invalid_input, "a wide immediate that is no number");
        }
        const std::uint64_t was =
            (std::uint64_t{static_cast<std::uint32_t>(insns[at + 1].imm)} << 32) |
            static_cast<std::uint32_t>(insn.imm);
        TRY(check_was(was, resolution));
        if (!resolution.value) {
            poison(insns[at + 1]);
            return false;
        }
        insn.imm = static_cast<std::int32_t>(*resolution.value);
        insns[at + 1].imm = static_cast<std::int32_t>(*resolution.value >> 32);
        return true;
    }
    const InsnClass kind = class_of(insn);
    const bool is_memory =
        kind == InsnClass::load || kind == InsnClass::store || kind == InsnClass::store_immediate;
    const bool is_alu = kind == InsnClass::alu32 || kind == InsnClass::alu64;
    if (!is_memory && (!is_alu || (insn.opcode & 0x08) != 0)) {
        return fail(
            Code::invalid_input,
            fmt::format("an instruction with opcode {:#04x} takes no such number", insn.opcode));
    }
    if (!resolution.value) {
        return false;
    }
    if (is_memory) {
        return patch_access(insn, resolution);
    }
    TRY(check_was(static_cast<std::uint32_t>(insn.imm),
                  {.local_value = static_cast<std::uint32_t>(resolution.local_value),
                   .has_local_value = resolution.has_local_value,
                   .value = {}}));
    insn.imm = static_cast<std::int32_t>(*resolution.value);
    return true;
}

// What the target lacks, by the name of the type, and who asks for it.
struct Lacking {
    CodePlace first;
    std::size_t insns = 0;
};
using LackingTypes = std::map<std::string, Lacking, std::less<>>;

Result<void> apply(Draft& draft, core::Resolver& resolver, const CoreRelocation& relocation,
                   LackingTypes& lacking) {
    CodeSection& code = draft.code.at(relocation.at.section);
    const std::uint32_t at = relocation.at.insn;
    if (at >= code.insns.size()) {
        return fail(Code::invalid_input, "past the end of the code");
    }
    const std::string_view access = TRY(draft.spec.types->text(relocation.access_offset));
    const core::Resolution resolution = TRY(
        resolver.resolve(static_cast<core::CoreKind>(relocation.kind), relocation.type_id, access));
    if (!TRY(patch(code.insns, at, resolution))) {
        poison(code.insns[at]);
        const std::string name(draft.spec.types->type(relocation.type_id).name);
        ++lacking.try_emplace(name, Lacking{relocation.at}).first->second.insns;
    }
    return {};
}

} // namespace

Result<void> apply_core_relocations(Draft& draft) {
    if (draft.core_relocations.empty()) {
        return {};
    }
    core::Resolver resolver(*draft.spec.types, draft.options.target_btf);
    LackingTypes lacking;
    for (const CoreRelocation& relocation : draft.core_relocations) {
        const std::string_view name = draft.spec.types->has(relocation.type_id)
                                          ? draft.spec.types->type(relocation.type_id).name
                                          : "";
        auto applied = apply(draft, resolver, relocation, lacking);
        if (!applied.ok()) {
            const std::string doing = fmt::format("{} ('{}')", draft.describe(relocation.at), name);
            draft.add_fault(relocation.at, std::move(applied).error().while_doing(doing));
        }
    }
    for (const auto& [name, what] : lacking) {
        draft.warn(fmt::format("{}: the target's '{}' lacks what {} asked for: replaced by a call "
                               "that may not be reached",
                               draft.describe(what.first), name,
                               what.insns == 1
                                   ? std::string("this instruction")
                                   : fmt::format("{} instructions from here on", what.insns)));
    }
    return {};
}

} // namespace skep::load
