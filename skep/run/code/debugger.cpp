// SPDX-License-Identifier: Apache-2.0
#include "skep/run/code/debugger.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

#include <fmt/format.h>

// What GDB's manual ("JIT Compilation Interface") lays down, name by name.
extern "C" {
struct jit_code_entry { // NOLINT: its name in the manual
    jit_code_entry* next_entry;
    jit_code_entry* prev_entry;
    const char* symfile_addr;
    std::uint64_t symfile_size;
};

struct jit_descriptor { // NOLINT: its name in the manual
    std::uint32_t version;
    std::uint32_t action_flag;
    jit_code_entry* relevant_entry;
    jit_code_entry* first_entry;
};

// NOLINTBEGIN: the interface's names, and it is global by nature
[[gnu::noinline, gnu::used]] void __jit_debug_register_code() { asm volatile(""); }
[[gnu::used]] jit_descriptor __jit_debug_descriptor = {1, 0, nullptr, nullptr};
// NOLINTEND
}

namespace skep::run::code {
namespace {

enum Action : std::uint32_t { kNothing, kRegister, kUnregister };

std::mutex& debugger_mutex() {
    static std::mutex& mutex = *new std::mutex(); // NOLINT: outlives everything, on purpose
    return mutex;
}

// ELF, 64 bits, as far as names need it. Offsets are those of the System V ABI.
struct ElfHeader {
    std::array<std::uint8_t, 16> identity{0x7f, 'E', 'L', 'F', 2, 1, 1};
    std::uint16_t type = 1; // relocatable
    std::uint16_t machine = 0;
    std::uint32_t version = 1;
    std::uint64_t entry = 0, program_headers = 0, section_headers = 0;
    std::uint32_t flags = 0;
    std::uint16_t header_bytes = 64, program_header_bytes = 0, program_header_count = 0;
    std::uint16_t section_header_bytes = 64, section_count = 0, name_section = 0;
};
static_assert(sizeof(ElfHeader) == 64);

struct ElfSection {
    std::uint32_t name = 0, type = 0;
    std::uint64_t flags = 0, address = 0, offset = 0, size = 0;
    std::uint32_t link = 0, info = 0;
    std::uint64_t alignment = 1, entry_bytes = 0;
};
static_assert(sizeof(ElfSection) == 64);

struct ElfSymbol {
    std::uint32_t name = 0;
    std::uint8_t info = 0, other = 0;
    std::uint16_t section = 0;
    std::uint64_t value = 0, size = 0;
};
static_assert(sizeof(ElfSymbol) == 24);

#if defined(__aarch64__)
constexpr std::uint16_t kMachine = 183;
#else
constexpr std::uint16_t kMachine = 62;
#endif
enum SectionType : std::uint32_t { kSymbols = 2, kStrings = 3, kNoBits = 8 };
constexpr std::uint64_t kAllocatedCode = 0x2 | 0x4;
constexpr std::uint8_t kGlobalFunction = 1U << 4 | 2;

class Strings {
  public:
    std::uint32_t add(const std::string& text) {
        const auto at = static_cast<std::uint32_t>(bytes_.size());
        const std::size_t length = std::min(text.find('\0'), text.size());
        bytes_.insert(bytes_.end(), text.begin(),
                      text.begin() + static_cast<std::ptrdiff_t>(length));
        bytes_.push_back(0);
        return at;
    }
    [[nodiscard]] const ByteVector& bytes() const { return bytes_; }

  private:
    ByteVector bytes_{0};
};

template <class T>
void append(ByteVector& bytes, const T* from, std::size_t count) {
    const std::size_t at = bytes.size();
    bytes.resize(at + count * sizeof(T));
    std::memcpy(bytes.data() + at, from, count * sizeof(T));
}

std::vector<ElfSymbol> symbols_of(const CodeListing& listing, std::span<const std::string> names,
                                  Strings& strings) {
    std::vector<ElfSymbol> symbols(1);
    const std::vector<std::uint32_t>& begins = listing.subprogram_offsets;
    for (std::size_t i = 0; i < begins.size() && i < names.size(); ++i) {
        const std::uint64_t end = i + 1 < begins.size() ? begins[i + 1] : listing.bytes.size();
        symbols.push_back({.name = strings.add(names[i]),
                           .info = kGlobalFunction,
                           .section = 1,
                           .value = begins[i],
                           .size = end - begins[i]});
    }
    return symbols;
}

} // namespace

ByteVector debug_object(const CodeListing& listing, std::span<const std::string> names) {
    Strings strings;
    const std::vector<ElfSymbol> symbols = symbols_of(listing, names, strings);
    const std::uint64_t symbols_at = sizeof(ElfHeader);
    const std::uint64_t symbol_bytes = symbols.size() * sizeof(ElfSymbol);
    std::array<ElfSection, 4> sections;
    sections[1] = {.name = strings.add(".text"),
                   .type = kNoBits,
                   .flags = kAllocatedCode,
                   .address = listing.address,
                   .size = listing.bytes.size(),
                   .alignment = 16};
    sections[2] = {.name = strings.add(".symtab"),
                   .type = kSymbols,
                   .offset = symbols_at,
                   .size = symbol_bytes,
                   .link = 3,
                   .info = 1,
                   .alignment = 8,
                   .entry_bytes = sizeof(ElfSymbol)};
    sections[3] = {.name = strings.add(".strtab"),
                   .type = kStrings,
                   .offset = symbols_at + symbol_bytes,
                   .size = strings.bytes().size()};
    ElfHeader header;
    header.machine = kMachine;
    header.section_count = sections.size();
    header.name_section = 3;
    header.section_headers = (symbols_at + symbol_bytes + strings.bytes().size() + 7) & ~7ULL;

    ByteVector object;
    append(object, &header, 1);
    append(object, symbols.data(), symbols.size());
    append(object, strings.bytes().data(), strings.bytes().size());
    object.resize(header.section_headers);
    append(object, sections.data(), sections.size());
    return object;
}

struct DebuggerEntry::Link {
    ByteVector object;
    jit_code_entry entry{};
};

DebuggerEntry::DebuggerEntry() = default;

DebuggerEntry::DebuggerEntry(const CodeListing& listing, std::span<const std::string> names)
    : link_(std::make_unique<Link>()) {
    link_->object = debug_object(listing, names);
    link_->entry.symfile_addr = reinterpret_cast<const char*>(link_->object.data());
    link_->entry.symfile_size = link_->object.size();
    const std::lock_guard lock(debugger_mutex());
    jit_descriptor& descriptor = __jit_debug_descriptor;
    link_->entry.next_entry = descriptor.first_entry;
    if (descriptor.first_entry != nullptr) {
        descriptor.first_entry->prev_entry = &link_->entry;
    }
    descriptor.first_entry = &link_->entry;
    descriptor.relevant_entry = &link_->entry;
    descriptor.action_flag = kRegister;
    __jit_debug_register_code();
}

DebuggerEntry::DebuggerEntry(DebuggerEntry&& other) noexcept = default;

DebuggerEntry& DebuggerEntry::operator=(DebuggerEntry&& other) noexcept {
    std::swap(link_, other.link_);
    return *this;
}

DebuggerEntry::~DebuggerEntry() {
    if (link_ == nullptr) {
        return;
    }
    const std::lock_guard lock(debugger_mutex());
    jit_descriptor& descriptor = __jit_debug_descriptor;
    const jit_code_entry& entry = link_->entry;
    (entry.prev_entry != nullptr ? entry.prev_entry->next_entry : descriptor.first_entry) =
        entry.next_entry;
    if (entry.next_entry != nullptr) {
        entry.next_entry->prev_entry = entry.prev_entry;
    }
    descriptor.relevant_entry = &link_->entry;
    descriptor.action_flag = kUnregister;
    __jit_debug_register_code();
    descriptor.relevant_entry = nullptr;
    descriptor.action_flag = kNothing;
}

std::vector<std::string> function_names(const verify::VerifiedProgram& program) {
    const std::string& name = program.spec().name;
    const std::string main = "bpf_prog_" + (name.empty() ? std::string("unnamed") : name);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < program.subprograms().size(); ++i) {
        names.push_back(i == 0 ? main : fmt::format("{}_F{}", main, i));
    }
    return names;
}

} // namespace skep::run::code
