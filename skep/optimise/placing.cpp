// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/placing.hpp"

#include <cstring>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/MemoryBuffer.h>

#include "skep/optimise/lift/lift.hpp"

namespace skep::optimise {
namespace {

using run::jit::Image;

constexpr std::uint64_t kImageMost = 64U << 20;
constexpr std::uint64_t kAlignMost = 64; // what code memory gives an image

Error broken(std::string what) { return fail(Code::unsupported, "the object: " + std::move(what)); }

// One field of an instruction or of data, and how it holds a distance.
struct Field {
    std::uint64_t offset = 0; // in the image
    std::uint32_t type = 0;
    std::int64_t distance = 0; // from the field to what it refers to
};

template <class Word>
void put(ByteVector& bytes, std::uint64_t offset, Word word) {
    std::memcpy(bytes.data() + offset, &word, sizeof word);
}

std::uint32_t word_at(const ByteVector& bytes, std::uint64_t offset) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + offset, sizeof word);
    return word;
}

std::uint64_t bytes_of(std::uint32_t type) {
    return type == llvm::ELF::R_X86_64_PC64 || type == llvm::ELF::R_AARCH64_PREL64 ? 8 : 4;
}

bool fits(std::int64_t value, unsigned bits) {
    const std::int64_t limit = std::int64_t{1} << (bits - 1);
    return value >= -limit && value < limit;
}

Result<void> fill_x64(ByteVector& bytes, const Field& field) {
    switch (field.type) {
    case llvm::ELF::R_X86_64_PC32:
    case llvm::ELF::R_X86_64_PLT32:
        if (!fits(field.distance, 32)) {
            return broken("a distance does not fit");
        }
        put(bytes, field.offset, static_cast<std::int32_t>(field.distance));
        return {};
    case llvm::ELF::R_X86_64_PC64:
        put(bytes, field.offset, field.distance);
        return {};
    default:
        return broken(fmt::format("a relocation of type {}", field.type));
    }
}

Result<void> fill_arm64(ByteVector& bytes, const Field& field) {
    const std::uint32_t word = word_at(bytes, field.offset);
    const auto distance = static_cast<std::uint64_t>(field.distance);
    switch (field.type) {
    case llvm::ELF::R_AARCH64_CALL26:
    case llvm::ELF::R_AARCH64_JUMP26:
        if (!fits(field.distance, 28) || field.distance % 4 != 0) {
            return broken("a branch goes too far");
        }
        put(bytes, field.offset,
            static_cast<std::uint32_t>((word & 0xfc000000U) | (distance >> 2 & 0x03ffffffU)));
        return {};
    case llvm::ELF::R_AARCH64_LD_PREL_LO19:
        if (!fits(field.distance, 21) || field.distance % 4 != 0) {
            return broken("a constant lies too far away");
        }
        put(bytes, field.offset,
            static_cast<std::uint32_t>((word & 0xff00001fU) | (distance >> 2 & 0x7ffffU) << 5));
        return {};
    case llvm::ELF::R_AARCH64_ADR_PREL_LO21:
        if (!fits(field.distance, 21)) {
            return broken("an address lies too far away");
        }
        put(bytes, field.offset,
            static_cast<std::uint32_t>((word & 0x9f00001fU) | (distance & 3U) << 29 |
                                       (distance >> 2 & 0x7ffffU) << 5));
        return {};
    case llvm::ELF::R_AARCH64_PREL32:
        put(bytes, field.offset, static_cast<std::int32_t>(field.distance));
        return {};
    case llvm::ELF::R_AARCH64_PREL64:
        put(bytes, field.offset, field.distance);
        return {};
    default:
        return broken(fmt::format("a relocation of type {}", field.type));
    }
}

class Placer {
  public:
    Placer(const llvm::object::ELFObjectFileBase& object,
           std::span<const run::jit::Relocation> bindings)
        : object_(object), bindings_(bindings) {}

    Result<Image> run() {
        TRY(lay_out(true));
        image_.text_bytes = static_cast<std::uint32_t>(image_.code.size());
        TRY(lay_out(false));
        place_table();
        for (const llvm::object::SectionRef& section : object_.sections()) {
            TRY(relocate(section));
        }
        image_.entry_offset = TRY(symbol_offset(kEntryName));
        return std::move(image_);
    }

  private:
    // Code first, then constants.
    Result<void> lay_out(bool code) {
        for (const llvm::object::SectionRef& section : object_.sections()) {
            const llvm::object::ELFSectionRef elf(section);
            const std::uint64_t flags = elf.getFlags();
            const bool is_code = (flags & llvm::ELF::SHF_EXECINSTR) != 0;
            if ((flags & llvm::ELF::SHF_ALLOC) == 0 || is_code != code || section.getSize() == 0) {
                continue;
            }
            const std::uint64_t align = section.getAlignment().value();
            if ((flags & llvm::ELF::SHF_WRITE) != 0 || section.isBSS() || align > kAlignMost ||
                image_.code.size() + section.getSize() > kImageMost) {
                return broken("a section that no program needs");
            }
            auto contents = section.getContents();
            if (!contents) {
                llvm::consumeError(contents.takeError());
                return broken("a section cannot be read");
            }
            image_.code.resize((image_.code.size() + align - 1) / align * align);
            starts_[section.getIndex()] = image_.code.size();
            image_.code.insert(image_.code.end(), contents->bytes_begin(), contents->bytes_end());
        }
        return {};
    }

    void place_table() {
        table_ = (image_.code.size() + 7) / 8 * 8;
        image_.code.resize(table_ + 8 * bindings_.size());
        for (std::size_t i = 0; i < bindings_.size(); ++i) {
            run::jit::Relocation one = bindings_[i];
            one.offset = static_cast<std::uint32_t>(table_ + 8 * i);
            image_.relocations.push_back(one);
        }
    }

    Result<std::uint64_t> place_of(const llvm::object::SymbolRef& symbol) {
        auto name = symbol.getName();
        auto section = symbol.getSection();
        auto value = symbol.getValue();
        if (!name || !section || !value) {
            llvm::consumeError(name.takeError());
            llvm::consumeError(section.takeError());
            llvm::consumeError(value.takeError());
            return broken("a symbol cannot be read");
        }
        if (*section == object_.section_end()) {
            if (*name == kBindingsName) {
                return table_;
            }
            return broken(
                fmt::format("the code wants '{}', which is not there", std::string_view(*name)));
        }
        const auto start = starts_.find((*section)->getIndex());
        if (start == starts_.end()) {
            return broken("a symbol lies in a section that is left out");
        }
        return start->second + *value;
    }

    Result<std::uint32_t> symbol_offset(std::string_view wanted) {
        for (const llvm::object::SymbolRef& symbol : object_.symbols()) {
            auto name = symbol.getName();
            if (name && std::string_view(*name) == wanted) {
                return static_cast<std::uint32_t>(TRY(place_of(symbol)));
            }
            llvm::consumeError(name.takeError());
        }
        return broken(fmt::format("there is no '{}'", wanted));
    }

    Result<void> relocate(const llvm::object::SectionRef& section) {
        auto relocated = section.getRelocatedSection();
        if (!relocated) {
            llvm::consumeError(relocated.takeError());
            return broken("relocations without a section");
        }
        if (*relocated == object_.section_end()) {
            return {};
        }
        const auto start = starts_.find((*relocated)->getIndex());
        if (start == starts_.end()) {
            return {};
        }
        for (const llvm::object::RelocationRef& one : section.relocations()) {
            const llvm::object::ELFRelocationRef relocation(one);
            auto addend = relocation.getAddend();
            const std::uint64_t size = (*relocated)->getSize();
            if (!addend || one.getSymbol() == object_.symbol_end() || one.getOffset() > size ||
                size - one.getOffset() < bytes_of(static_cast<std::uint32_t>(one.getType()))) {
                llvm::consumeError(addend.takeError());
                return broken("a relocation cannot be read");
            }
            Field field;
            field.offset = start->second + one.getOffset();
            field.type = static_cast<std::uint32_t>(one.getType());
            field.distance = static_cast<std::int64_t>(TRY(place_of(*one.getSymbol()))) + *addend -
                             static_cast<std::int64_t>(field.offset);
            TRY(object_.getArch() == llvm::Triple::x86_64 ? fill_x64(image_.code, field)
                                                          : fill_arm64(image_.code, field));
        }
        return {};
    }

    const llvm::object::ELFObjectFileBase& object_;
    std::span<const run::jit::Relocation> bindings_;
    Image image_;
    std::map<std::uint64_t, std::uint64_t> starts_; // section -> offset in the image
    std::uint64_t table_ = 0;
};

} // namespace

Result<Image> place(const ObjectBytes& object, std::span<const run::jit::Relocation> bindings) {
    const llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()), "program");
    auto file = llvm::object::ObjectFile::createELFObjectFile(buffer);
    if (!file) {
        llvm::consumeError(file.takeError());
        return broken("not an ELF file");
    }
    const auto* elf = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(file->get());
    if (elf == nullptr) {
        return broken("not an ELF file");
    }
    return Placer(*elf, bindings).run();
}

} // namespace skep::optimise
