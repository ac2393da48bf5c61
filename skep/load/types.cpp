// SPDX-License-Identifier: Apache-2.0
//
// The types of an object: .BTF, and .BTF.ext's three lists about code.
//
// .BTF.ext: a header with offsets of func_info, line_info and core_relo; each list says how long
// its records are, then comes, for each code section, its name, a count and the records. Records
// may be longer than we know: the rest is skipped. Instruction offsets are bytes within the
// section.
//
// Compilers leave offsets within data sections to relocations of .BTF and .BTF.ext themselves,
// which are applied first.
#include <algorithm>

#include <fmt/format.h>

#include "skep/load/draft.hpp"

namespace skep::load {
namespace {

enum class List : std::uint8_t { functions, lines, core };

struct ListShape {
    List list;
    std::string_view name;
    std::uint32_t least_record_bytes;
};

// One list of .BTF.ext: `bytes` begins with the record size.
class ListReader {
  public:
    ListReader(Draft& draft, ListShape shape) : draft_(draft), shape_(shape) {}

    Result<void> read(Bytes bytes) {
        ByteReader reader(bytes);
        const auto record_bytes = TRY(reader.read<std::uint32_t>());
        if (record_bytes < shape_.least_record_bytes || record_bytes % 4 != 0) {
            return fail(Code::invalid_input, fmt::format("records of {} bytes, at least {} wanted",
                                                         record_bytes, shape_.least_record_bytes));
        }
        while (!reader.at_end()) {
            const auto name_offset = TRY(reader.read<std::uint32_t>());
            const auto count = TRY(reader.read<std::uint32_t>());
            const std::string_view name = TRY(draft_.spec.types->text(name_offset));
            const Section* section = draft_.elf.find_section(name);
            const Bytes records = TRY(reader.read_bytes(std::uint64_t{count} * record_bytes));
            if (section == nullptr || !section->is_code) {
                draft_.warn(fmt::format(
                    ".BTF.ext speaks of code in section '{}', which the file does not have", name));
                continue;
            }
            for (std::uint32_t i = 0; i < count; ++i) {
                TRY(take(section->index,
                         records.subspan(std::size_t{i} * record_bytes, record_bytes)));
            }
        }
        return {};
    }

  private:
    Result<void> take(std::uint32_t section, Bytes record) {
        ByteReader reader(record);
        const auto offset = TRY(reader.read<std::uint32_t>());
        const CodePlace place{section, offset / 8};
        if (offset % 8 != 0 || offset >= draft_.elf.sections()[section].size_bytes) {
            return fail(
                Code::invalid_input,
                fmt::format("a record for offset {:#x} of section '{}', which has {:#x} bytes",
                            offset, draft_.elf.sections()[section].name,
                            draft_.elf.sections()[section].size_bytes));
        }
        CodeSection& code = draft_.code[section];
        if (shape_.list == List::functions) {
            const auto type = TRY(reader.read<std::uint32_t>());
            if (!draft_.spec.types->has(type)) {
                return fail(Code::invalid_input,
                            fmt::format("{} has unknown type {}", draft_.describe(place), type));
            }
            code.functions.push_back({InsnIndex(place.insn), type});
        } else if (shape_.list == List::lines) {
            LineInfo line{InsnIndex(place.insn), TRY(reader.read<std::uint32_t>()), 0, 0};
            line.line_offset = TRY(reader.read<std::uint32_t>());
            line.line_column = TRY(reader.read<std::uint32_t>());
            code.lines.push_back(line);
        } else {
            CoreRelocation relocation{place, TRY(reader.read<std::uint32_t>()), 0, 0};
            relocation.access_offset = TRY(reader.read<std::uint32_t>());
            relocation.kind = TRY(reader.read<std::uint32_t>());
            draft_.core_relocations.push_back(relocation);
        }
        return {};
    }

    Draft& draft_;
    ListShape shape_;
};

Result<void> read_list(Draft& draft, Bytes body, ByteReader& header, ListShape shape) {
    const auto offset = TRY(header.read<std::uint32_t>());
    const auto size = TRY(header.read<std::uint32_t>());
    if (size == 0) {
        return {};
    }
    return ListReader(draft, shape).read(TRY(slice(body, offset, size)));
}

Result<void> read_extension(Draft& draft, Bytes bytes) {
    ByteReader header(bytes);
    const auto magic = TRY(header.read<std::uint16_t>());
    const auto version = TRY(header.read<std::uint8_t>());
    TRY(header.skip(1));
    const auto header_bytes = TRY(header.read<std::uint32_t>());
    if (magic != 0xeb9f || version != 1) {
        return fail(Code::invalid_input, fmt::format("magic {:#06x}, version {}", magic, version));
    }
    const Bytes body = TRY(slice(bytes, header_bytes,
                                 bytes.size() - std::min<std::size_t>(header_bytes, bytes.size())));
    TRY_WHILE("func_info", read_list(draft, body, header, {List::functions, "func_info", 8}));
    TRY_WHILE("line_info", read_list(draft, body, header, {List::lines, "line_info", 16}));
    if (header_bytes >= 32) {
        TRY_WHILE("core_relo", read_list(draft, body, header, {List::core, "core_relo", 16}));
    }
    for (auto& [section, code] : draft.code) {
        std::stable_sort(code.functions.begin(), code.functions.end(),
                         [](const auto& a, const auto& b) { return a.insn < b.insn; });
        std::stable_sort(code.lines.begin(), code.lines.end(),
                         [](const auto& a, const auto& b) { return a.insn < b.insn; });
    }
    return {};
}

} // namespace

Result<ByteVector> relocated_contents(const ElfFile& elf, const Section& section) {
    ByteVector bytes(section.contents.begin(), section.contents.end());
    for (const Relocation& relocation : elf.relocations(section.index)) {
        const Symbol& symbol = elf.symbols()[relocation.symbol];
        const bool is_wide = relocation.kind == RelocationKind::absolute64;
        if (symbol.is_extern() || (!is_wide && relocation.kind != RelocationKind::debug32 &&
                                   relocation.kind != RelocationKind::absolute32 &&
                                   relocation.kind != RelocationKind::call)) {
            continue;
        }
        const std::size_t width = is_wide ? 8 : 4;
        TRY(slice(bytes, relocation.offset, width));
        std::uint64_t value = 0;
        std::memcpy(&value, bytes.data() + relocation.offset, width);
        value = symbol.value +
                (relocation.addend ? static_cast<std::uint64_t>(*relocation.addend) : value);
        std::memcpy(bytes.data() + relocation.offset, &value, width);
    }
    return bytes;
}

Result<void> read_types(Draft& draft) {
    const Section* types = draft.elf.find_section(".BTF");
    if (types == nullptr || types->contents.empty()) {
        return {};
    }
    const ByteVector raw = TRY_WHILE("section '.BTF'", relocated_contents(draft.elf, *types));
    draft.spec.types = TRY_WHILE("section '.BTF'", btf::Btf::parse(raw));
    const Section* extension = draft.elf.find_section(".BTF.ext");
    if (extension == nullptr || extension->contents.empty()) {
        return {};
    }
    const ByteVector bytes =
        TRY_WHILE("section '.BTF.ext'", relocated_contents(draft.elf, *extension));
    TRY_WHILE("section '.BTF.ext'", read_extension(draft, bytes));
    return {};
}

} // namespace skep::load
