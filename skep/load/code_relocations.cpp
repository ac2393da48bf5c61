// SPDX-License-Identifier: Apache-2.0
//
// Relocations of code: what each instruction that names a symbol comes to mean.
//
//   wide immediate  of a map: the map; of a global variable: a place in its section's map; of a
//                   function: its address; of an extern: a number, a kernel variable or a kconfig
//                   value
//   call            of a function in the file: kept as a target, see link/; of an extern: a kfunc
//
// The addend stands in the instruction (REL) or in the relocation (RELA, as gcc writes it).
#include <fmt/format.h>

#include "skep/load/draft.hpp"

namespace skep::load {
namespace {

constexpr std::uint8_t kMapIndex = 5;      // WideSource::map_index
constexpr std::uint8_t kMapValueIndex = 6; // WideSource::map_value_index
constexpr std::uint8_t kBtfVariable = 3;   // WideSource::btf_variable
constexpr std::uint8_t kFunction = 4;      // WideSource::function
constexpr std::uint8_t kKfuncCall = 2;

void set_source(RawInsn& insn, std::uint8_t source) {
    insn.registers = static_cast<std::uint8_t>((insn.registers & 0x0f) | (source << 4));
}

class CodeRelocator {
  public:
    CodeRelocator(Draft& draft, std::uint32_t section)
        : draft_(draft), section_(section), code_(draft.code.at(section)) {}

    Result<void> run() {
        for (const Relocation& relocation : draft_.elf.relocations(section_)) {
            const CodePlace at{section_, static_cast<std::uint32_t>(relocation.offset / 8)};
            auto applied = apply(relocation, at.insn);
            if (!applied.ok()) {
                const std::string doing = fmt::format("{} ('{}')", draft_.describe(at),
                                                      draft_.elf.symbols()[relocation.symbol].name);
                draft_.add_fault(at, std::move(applied).error().while_doing(doing));
            }
        }
        for (std::uint32_t i = 0; i < code_.insns.size(); ++i) {
            if (is_wide_immediate(code_.insns[i])) {
                ++i;
            } else if (is_subprogram_call(code_.insns[i]) && !code_.targets.contains(i)) {
                code_.targets[i] = {
                    section_, static_cast<std::uint32_t>(std::int64_t{i} + 1 + code_.insns[i].imm)};
            }
        }
        return {};
    }

  private:
    Result<void> apply(const Relocation& relocation, std::uint32_t at) {
        if (relocation.offset % 8 != 0 || at >= code_.insns.size()) {
            return fail(Code::invalid_input, "not the place of an instruction");
        }
        const Symbol& symbol = draft_.elf.symbols()[relocation.symbol];
        RawInsn& insn = code_.insns[at];
        if (relocation.kind == RelocationKind::none) {
            return {};
        }
        if (is_wide_immediate(insn)) {
            if (at + 1 >= code_.insns.size()) {
                return fail(Code::invalid_input,
                            "a wide immediate is cut short by the end of the section");
            }
            return apply_wide(relocation, symbol, at);
        }
        const bool is_call =
            insn.opcode == 0x85 && (insn.src() == 1 || insn.src() == 0 || insn.src() == 2);
        if (is_call && relocation.kind == RelocationKind::call) {
            return apply_call(relocation, symbol, at);
        }
        return fail(Code::unsupported,
                    fmt::format("relocation type {} of an instruction with opcode {:#04x}",
                                static_cast<std::uint32_t>(relocation.kind), insn.opcode));
    }

    Result<void> apply_wide(const Relocation& relocation, const Symbol& symbol, std::uint32_t at) {
        RawInsn& low = code_.insns[at];
        const std::int64_t addend = relocation.addend.value_or(low.imm);
        if (const auto found = draft_.externs.find(relocation.symbol);
            found != draft_.externs.end()) {
            return apply_wide_extern(found->second, symbol, at);
        }
        const std::int64_t offset = static_cast<std::int64_t>(symbol.value) + addend;
        if (symbol.section == 0) {
            return fail(Code::unsupported, "the symbol lies in no section of the file");
        }
        const Section& section = draft_.elf.sections()[symbol.section];
        if (section.is_code) {
            return apply_function_address({symbol.section, static_cast<std::uint32_t>(offset / 8)},
                                          at);
        }
        if (const auto data = draft_.data_maps.find(symbol.section);
            data != draft_.data_maps.end()) {
            return set_map_value(at, data->second, offset);
        }
        if (section.name == ".addr_space.1") { // globals in the arena, from its beginning
            if (const auto arena = find_arena()) {
                return set_map_value(at, *arena, offset);
            }
        }
        if (const auto map = find_map(relocation, symbol, offset)) {
            set_source(low, kMapIndex);
            low.imm = static_cast<std::int32_t>(*map);
            code_.insns[at + 1].imm = 0;
            return {};
        }
        return fail(
            Code::unsupported,
            fmt::format("an address in section '{}', which is neither a map nor global data",
                        section.name));
    }

    // The map of a symbol, or of a place in the section of maps when the symbol is the section's.
    [[nodiscard]] std::optional<std::uint32_t>
    find_map(const Relocation& relocation, const Symbol& symbol, std::int64_t offset) const {
        if (const auto exact = draft_.map_symbols.find(relocation.symbol);
            exact != draft_.map_symbols.end()) {
            return exact->second;
        }
        for (const auto& [number, place] : draft_.map_symbols) {
            const Symbol& map = draft_.elf.symbols()[number];
            if (map.section == symbol.section && static_cast<std::int64_t>(map.value) == offset) {
                return place;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<std::uint32_t> find_arena() const {
        for (std::uint32_t place = 0; place < draft_.spec.maps.size(); ++place) {
            if (draft_.spec.maps[place].spec.type == spec::MapType::arena) {
                return place;
            }
        }
        return std::nullopt;
    }

    Result<void> set_map_value(std::uint32_t at, std::uint32_t map, std::int64_t offset) {
        const spec::MapSpec& spec = draft_.spec.maps[map].spec;
        const std::uint64_t size = spec.type == spec::MapType::arena
                                       ? std::uint64_t{spec.max_entries} * 4096
                                       : spec.value_size_bytes;
        if (offset < 0 || static_cast<std::uint64_t>(offset) > size || offset > INT32_MAX) {
            return fail(Code::invalid_input,
                        fmt::format("offset {} of global data of {} bytes", offset, size));
        }
        set_source(code_.insns[at], kMapValueIndex);
        code_.insns[at].imm = static_cast<std::int32_t>(map);
        code_.insns[at + 1].imm = static_cast<std::int32_t>(offset);
        return {};
    }

    Result<void> apply_function_address(CodePlace target, std::uint32_t at) {
        set_source(code_.insns[at], kFunction);
        code_.insns[at + 1].imm = 0;
        code_.targets[at] = target;
        return {};
    }

    Result<void> apply_wide_extern(const Extern& found, const Symbol& symbol, std::uint32_t at) {
        RawInsn& low = code_.insns[at];
        RawInsn& high = code_.insns[at + 1];
        if (found.is_kconfig) {
            return set_map_value(at, draft_.kconfig_map, found.kconfig_offset);
        }
        if (!found.is_found && !found.is_weak) {
            return missing(found, symbol);
        }
        const bool is_typed = found.is_found && found.target_id != 0;
        set_source(low, is_typed ? kBtfVariable : 0);
        low.imm = static_cast<std::int32_t>(is_typed ? found.target_id : found.address);
        high.imm = static_cast<std::int32_t>(is_typed ? 0 : found.address >> 32);
        return {};
    }

    Result<void> apply_call(const Relocation& relocation, const Symbol& symbol, std::uint32_t at) {
        RawInsn& insn = code_.insns[at];
        if (const auto found = draft_.externs.find(relocation.symbol);
            found != draft_.externs.end()) {
            return apply_call_extern(found->second, symbol, at);
        }
        if (symbol.section == 0 || !draft_.elf.sections()[symbol.section].is_code) {
            return fail(Code::invalid_input, "a call of what is no code");
        }
        // In the instruction the addend counts instructions from the next one, so -1 is the symbol
        // itself.
        const std::int64_t more =
            relocation.addend ? *relocation.addend / 8 : std::int64_t{insn.imm} + 1;
        const std::int64_t target = static_cast<std::int64_t>(symbol.value / 8) + more;
        if (target < 0 || static_cast<std::uint64_t>(target) >=
                              draft_.elf.sections()[symbol.section].size_bytes / 8) {
            return fail(Code::invalid_input,
                        fmt::format("a call of instruction {} of section '{}'", target,
                                    draft_.elf.sections()[symbol.section].name));
        }
        set_source(insn, 1);
        code_.targets[at] = {symbol.section, static_cast<std::uint32_t>(target)};
        return {};
    }

    Result<void> apply_call_extern(const Extern& found, const Symbol& symbol, std::uint32_t at) {
        RawInsn& insn = code_.insns[at];
        code_.relocated_calls.insert(at);
        if (found.is_found) {
            set_source(insn, kKfuncCall);
            insn.imm = static_cast<std::int32_t>(found.target_id);
            insn.offset = 0; // the kernel's own BTF
            return {};
        }
        if (!found.is_weak) {
            return missing(found, symbol);
        }
        set_source(insn, 0);
        insn.imm = kMissingKfunc;
        insn.offset = 0;
        return {};
    }

    [[nodiscard]] Error missing(const Extern& found, const Symbol& symbol) const {
        if (found.type == 0) {
            return fail(Code::not_found,
                        fmt::format("'{}' is defined nowhere: link the object that defines it "
                                    "first, or declare it __ksym or __kconfig",
                                    symbol.name));
        }
        if (draft_.options.target_btf == nullptr) {
            return fail(Code::not_found,
                        fmt::format("'{}' belongs to the kernel, and no kernel BTF was given",
                                    symbol.name));
        }
        return fail(Code::not_found,
                    fmt::format("the target kernel has no {} '{}'",
                                found.is_function ? "function" : "variable", symbol.name));
    }

    Draft& draft_;
    std::uint32_t section_;
    CodeSection& code_;
};

} // namespace

Result<void> apply_code_relocations(Draft& draft) {
    for (const auto& [section, code] : draft.code) {
        TRY(CodeRelocator(draft, section).run());
    }
    return {};
}

} // namespace skep::load
