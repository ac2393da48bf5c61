// SPDX-License-Identifier: Apache-2.0
#include "skep/load/elf/elf_file.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <gelf.h>

namespace skep::load {
namespace {

constexpr std::uint16_t kMachineBpf = 247;
constexpr std::uint16_t kMachineBpfOfOldGcc = 0xeb9f; // before the number was assigned

struct ElfCloser {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfCloser>;

Error broken(std::string_view what) {
    const int number = elf_errno(); // 0: what is wrong is not the library's finding
    const char* detail = number != 0 ? elf_errmsg(number) : nullptr;
    return fail(Code::invalid_input,
                fmt::format("broken ELF file: {}{}{}", what, detail != nullptr ? ": " : "",
                            detail != nullptr ? detail : ""));
}

SymbolKind kind_of(unsigned char info) {
    switch (GELF_ST_TYPE(info)) {
    case STT_NOTYPE:
        return SymbolKind::none;
    case STT_OBJECT:
        return SymbolKind::object;
    case STT_FUNC:
        return SymbolKind::function;
    case STT_SECTION:
        return SymbolKind::section;
    case STT_FILE:
        return SymbolKind::file;
    default:
        return SymbolKind::other;
    }
}

Binding binding_of(unsigned char info) {
    switch (GELF_ST_BIND(info)) {
    case STB_LOCAL:
        return Binding::local;
    case STB_WEAK:
        return Binding::weak;
    default:
        return Binding::global;
    }
}

} // namespace

class ElfReader {
  public:
    explicit ElfReader(Machine machine) : machine_(machine) {}

    Result<ElfFile> read(Bytes file) {
        auto image = std::make_shared<ByteVector>(file.begin(), file.end());
        file_.image_ = image;
        TRY(open(*image));
        TRY(read_sections());
        if (machine_ == Machine::any) {
            file_.relocations_.resize(file_.sections_.size());
            return std::move(file_);
        }
        for (std::uint32_t index = 0; index < headers_.size(); ++index) {
            if (headers_[index].sh_type == SHT_SYMTAB) {
                TRY_WHILE(place(index), read_symbols(index));
                break;
            }
        }
        file_.relocations_.resize(file_.sections_.size());
        for (std::uint32_t index = 0; index < headers_.size(); ++index) {
            if (headers_[index].sh_type == SHT_REL || headers_[index].sh_type == SHT_RELA) {
                TRY_WHILE(place(index), read_relocations(index));
            }
        }
        return std::move(file_);
    }

  private:
    Result<void> open(ByteVector& image) {
        constexpr std::string_view magic(ELFMAG, SELFMAG);
        if (image.size() < EI_NIDENT || !std::equal(magic.begin(), magic.end(), image.begin())) {
            return fail(Code::invalid_input, "not an ELF file");
        }
        if (image[EI_CLASS] != ELFCLASS64) {
            return fail(Code::invalid_input, "not a 64-bit ELF file, as BPF objects are");
        }
        if (image[EI_DATA] != ELFDATA2LSB) {
            return fail(Code::unsupported,
                        "big-endian BPF object: build it with -target bpfel for this machine");
        }
        elf_version(EV_CURRENT);
        elf_.reset(elf_memory(reinterpret_cast<char*>(image.data()),
                              image.size())); // NOLINT: libelf's type
        GElf_Ehdr header{};
        if (elf_ == nullptr || elf_kind(elf_.get()) != ELF_K_ELF ||
            gelf_getehdr(elf_.get(), &header) == nullptr) {
            return broken("no readable ELF header");
        }
        if (machine_ == Machine::any) {
            return {};
        }
        TRY(check_section_table(header, image.size()));
        if (header.e_machine != kMachineBpf && header.e_machine != kMachineBpfOfOldGcc) {
            return fail(Code::invalid_input, fmt::format("an ELF file for machine {}, not BPF ({})",
                                                         header.e_machine, kMachineBpf));
        }
        if (header.e_type != ET_REL && header.e_type != ET_NONE) {
            return fail(Code::invalid_input,
                        fmt::format("ELF type {}: not a relocatable object", header.e_type));
        }
        return {};
    }

    // libelf takes a table beyond the end of the file for none at all.
    static Result<void> check_section_table(const GElf_Ehdr& header, std::size_t file_bytes) {
        const std::uint64_t count = std::max<std::uint64_t>(header.e_shnum, 1); // 0: many
        const std::uint64_t table_bytes = count * header.e_shentsize;
        if (header.e_shoff == 0) {
            return fail(Code::invalid_input, "broken ELF file: it has no section table");
        }
        if (header.e_shoff > file_bytes || table_bytes > file_bytes - header.e_shoff) {
            return fail(Code::invalid_input,
                        fmt::format("broken ELF file: its section table ({} sections at offset {}) "
                                    "is beyond its end at {}; is the file cut off?",
                                    header.e_shnum, header.e_shoff, file_bytes));
        }
        return {};
    }

    Result<void> read_sections() {
        std::size_t count = 0;
        std::size_t names = 0;
        if (elf_getshdrnum(elf_.get(), &count) != 0 || elf_getshdrstrndx(elf_.get(), &names) != 0) {
            return broken("no readable section table");
        }
        headers_.resize(count);
        file_.sections_.resize(count);
        for (std::uint32_t index = 0; index < count; ++index) {
            Elf_Scn* scn = elf_getscn(elf_.get(), index);
            GElf_Shdr& header = headers_[index];
            if (scn == nullptr || gelf_getshdr(scn, &header) == nullptr) {
                return broken(fmt::format("section {} has no readable header", index));
            }
            if (index == 0) {
                continue;
            }
            const char* name = elf_strptr(elf_.get(), names, header.sh_name);
            if (name == nullptr) {
                return broken(
                    fmt::format("section {} has no readable name (at {} of the name table)", index,
                                header.sh_name));
            }
            TRY_WHILE(fmt::format("section {} '{}'", index, name),
                      fill(file_.sections_[index], index, header, name));
        }
        return {};
    }

    Result<void> fill(Section& section, std::uint32_t index, const GElf_Shdr& header,
                      const char* name) {
        section.index = index;
        section.name = name;
        section.is_code = (header.sh_flags & SHF_EXECINSTR) != 0 && header.sh_type == SHT_PROGBITS;
        section.is_allocated = (header.sh_flags & SHF_ALLOC) != 0;
        section.size_bytes = header.sh_size;
        section.has_contents = header.sh_type != SHT_NOBITS && header.sh_type != SHT_NULL;
        if (section.has_contents) {
            section.contents = TRY(slice(*file_.image_, header.sh_offset, header.sh_size));
        }
        return {};
    }

    Result<void> read_symbols(std::uint32_t table) {
        const GElf_Shdr& header = headers_[table];
        Elf_Scn* scn = elf_getscn(elf_.get(), table);
        Elf_Data* data = scn != nullptr ? elf_getdata(scn, nullptr) : nullptr;
        if (data == nullptr || header.sh_entsize == 0) {
            return broken("unreadable symbol table");
        }
        const std::size_t count =
            std::min<std::size_t>(data->d_size, header.sh_size) / header.sh_entsize;
        for (std::size_t i = 0; i < count; ++i) {
            GElf_Sym raw{};
            if (gelf_getsym(data, static_cast<int>(i), &raw) == nullptr) {
                return broken(fmt::format("symbol {} cannot be read", i));
            }
            const char* name = elf_strptr(elf_.get(), header.sh_link, raw.st_name);
            if (name == nullptr) {
                return broken(fmt::format("symbol {} has no readable name", i));
            }
            Symbol symbol;
            symbol.name = name;
            symbol.is_absolute = raw.st_shndx == SHN_ABS;
            symbol.is_common = raw.st_shndx == SHN_COMMON;
            symbol.kind = kind_of(raw.st_info);
            symbol.binding = binding_of(raw.st_info);
            symbol.is_hidden = GELF_ST_VISIBILITY(raw.st_other) == STV_HIDDEN ||
                               GELF_ST_VISIBILITY(raw.st_other) == STV_INTERNAL;
            symbol.value = raw.st_value;
            symbol.size_bytes = raw.st_size;
            if (raw.st_shndx < SHN_LORESERVE) {
                if (raw.st_shndx >= file_.sections_.size()) {
                    return broken(fmt::format("symbol {} '{}' is in section {} of {}", i, name,
                                              raw.st_shndx, file_.sections_.size()));
                }
                symbol.section = raw.st_shndx;
            }
            if (symbol.kind == SymbolKind::section && symbol.name.empty()) {
                symbol.name = file_.sections_[symbol.section].name;
            }
            if (symbol.kind != SymbolKind::section && symbol.kind != SymbolKind::file) {
                file_.symbol_index_.try_emplace({symbol.section, symbol.name},
                                                static_cast<std::uint32_t>(i));
            }
            file_.symbols_.push_back(std::move(symbol));
        }
        return {};
    }

    Result<void> read_relocations(std::uint32_t table) {
        const GElf_Shdr& header = headers_[table];
        const bool has_addend = header.sh_type == SHT_RELA;
        if (header.sh_info == 0 || header.sh_info >= file_.sections_.size()) {
            return broken(fmt::format("relocations for section {} of {}", header.sh_info,
                                      file_.sections_.size()));
        }
        Elf_Scn* scn = elf_getscn(elf_.get(), table);
        Elf_Data* data = scn != nullptr ? elf_getdata(scn, nullptr) : nullptr;
        if (data == nullptr || header.sh_entsize == 0) {
            return broken("unreadable relocation table");
        }
        const Section& target = file_.sections_[header.sh_info];
        auto& list = file_.relocations_[header.sh_info];
        const std::size_t count =
            std::min<std::size_t>(data->d_size, header.sh_size) / header.sh_entsize;
        for (std::size_t i = 0; i < count; ++i) {
            GElf_Rela raw{};
            TRY(read_entry(data, i, has_addend, raw));
            const auto symbol = static_cast<std::uint32_t>(GELF_R_SYM(raw.r_info));
            if (symbol >= file_.symbols_.size()) {
                return broken(fmt::format("relocation {} names symbol {} of {}", i, symbol,
                                          file_.symbols_.size()));
            }
            if (raw.r_offset >= target.size_bytes) {
                return broken(fmt::format(
                    "relocation {} is at offset {:#x} of section '{}', which has {:#x} bytes", i,
                    raw.r_offset, target.name, target.size_bytes));
            }
            list.push_back({raw.r_offset, static_cast<RelocationKind>(GELF_R_TYPE(raw.r_info)),
                            symbol,
                            has_addend ? std::optional<std::int64_t>(raw.r_addend) : std::nullopt});
        }
        std::stable_sort(list.begin(), list.end(), [](const Relocation& a, const Relocation& b) {
            return a.offset < b.offset;
        });
        return {};
    }

    static Result<void> read_entry(Elf_Data* data, std::size_t index, bool has_addend,
                                   GElf_Rela& entry) {
        if (has_addend) {
            if (gelf_getrela(data, static_cast<int>(index), &entry) == nullptr) {
                return broken(fmt::format("relocation {} cannot be read", index));
            }
            return {};
        }
        GElf_Rel raw{};
        if (gelf_getrel(data, static_cast<int>(index), &raw) == nullptr) {
            return broken(fmt::format("relocation {} cannot be read", index));
        }
        entry.r_offset = raw.r_offset;
        entry.r_info = raw.r_info;
        return {};
    }

    [[nodiscard]] std::string place(std::uint32_t section) const {
        return fmt::format("section {} '{}'", section, file_.sections_[section].name);
    }

    Machine machine_;
    ElfFile file_;
    ElfHandle elf_;
    std::vector<GElf_Shdr> headers_;
};

Result<ElfFile> ElfFile::read(Bytes file, Machine machine) { return ElfReader(machine).read(file); }

const std::vector<Relocation>& ElfFile::relocations(std::uint32_t section) const {
    return relocations_[section];
}

const Section* ElfFile::find_section(std::string_view name) const {
    const auto found =
        std::find_if(sections_.begin(), sections_.end(),
                     [name](const Section& section) { return section.name == name; });
    return found == sections_.end() ? nullptr : &*found;
}

std::optional<std::uint32_t> ElfFile::find_symbol(std::uint32_t section,
                                                  std::string_view name) const {
    const auto found = symbol_index_.find(std::pair(section, std::string(name)));
    return found == symbol_index_.end() ? std::nullopt : std::optional(found->second);
}

} // namespace skep::load
