// SPDX-License-Identifier: Apache-2.0
//
// ElfFile: sections, symbols and relocations of a BPF object, as plain records.
//
// libelf finds them; contents are then read through base/bytes alone. Everything refers by number:
// a symbol names its section, a relocation its symbol, and numbers are checked here, so that what
// comes after may index. Section contents are borrowed from the image that the ElfFile owns.
//
// Limits: 64-bit relocatable objects of machine BPF in this host's byte order.
// Proved by: load_test.cpp (cut short, changed at random), fuzz/elf.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/bytes.hpp"

namespace skep::load {

struct Section {
    std::uint32_t index = 0;
    std::string name;
    bool has_contents = false; // PROGBITS and such; false for .bss
    bool is_code = false;      // executable
    bool is_allocated = false;
    std::uint64_t size_bytes = 0;
    Bytes contents; // of size_bytes when has_contents
};

enum class SymbolKind : std::uint8_t { none, object, function, section, file, other };
enum class Binding : std::uint8_t { local, global, weak };

struct Symbol {
    std::string name;
    std::uint32_t section = 0; // 0: defined elsewhere (extern)
    bool is_absolute = false;  // a number, in no section
    bool is_common = false;
    SymbolKind kind = SymbolKind::none;
    Binding binding = Binding::local;
    bool is_hidden = false;
    std::uint64_t value = 0;
    std::uint64_t size_bytes = 0;

    [[nodiscard]] bool is_extern() const {
        return section == 0 && !is_absolute && !is_common && !name.empty();
    }
};

// R_BPF_* of the psABI.
enum class RelocationKind : std::uint32_t {
    none = 0,
    wide_immediate = 1, // R_BPF_64_64
    absolute64 = 2,     // R_BPF_64_ABS64
    absolute32 = 3,     // R_BPF_64_ABS32
    debug32 = 4,        // R_BPF_64_NODYLD32
    call = 10,          // R_BPF_64_32
};

struct Relocation {
    std::uint64_t offset = 0; // in the section that it changes
    RelocationKind kind = RelocationKind::none;
    std::uint32_t symbol = 0;
    std::optional<std::int64_t> addend; // RELA; REL keeps it in the place itself
};

enum class Machine : std::uint8_t { bpf, any }; // any: sections alone, of any 64-bit file

class ElfFile {
  public:
    static Result<ElfFile> read(Bytes file, Machine machine = Machine::bpf);

    [[nodiscard]] const std::vector<Section>& sections() const { return sections_; } // by number
    [[nodiscard]] const std::vector<Symbol>& symbols() const { return symbols_; }
    // Of one section, rising by offset.
    [[nodiscard]] const std::vector<Relocation>& relocations(std::uint32_t section) const;
    [[nodiscard]] const Section* find_section(std::string_view name) const;
    // The first symbol of that name in that section (0: externs).
    [[nodiscard]] std::optional<std::uint32_t> find_symbol(std::uint32_t section,
                                                           std::string_view name) const;

  private:
    friend class ElfReader;
    std::shared_ptr<const ByteVector> image_;
    std::vector<Section> sections_;
    std::vector<Symbol> symbols_;
    std::vector<std::vector<Relocation>> relocations_;
    std::map<std::pair<std::uint32_t, std::string>, std::uint32_t, std::less<>> symbol_index_;
};

} // namespace skep::load
