// SPDX-License-Identifier: Apache-2.0
//
// Types as BTF describes them.
//
// A Btf owns its types and strings and never changes; copies share. A type is named by its id, 0
// being void. `parse` checks everything that code holding a Btf relies on: kinds known, every id
// and name in range, nothing that contains itself by value, nesting bounded. So references may be
// followed without fear, and recursion over what is nested by value ends within kMaxNesting. What
// BTF_LOAD asks for beyond that (names, linkages, sizes that fit) is check/kernel.hpp's. A split
// BTF (a module's, on top of vmlinux's) shares its base and continues its ids and strings.
//
// Source: Documentation/bpf/btf.rst. Proved by: btf_test.cpp, fuzz/btf.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"

namespace skep::btf {

using TypeId = std::uint32_t; // 0 is void

// How deep types may nest by value or through pointers to pointers: structures within structures,
// arrays of arrays, modifiers of modifiers.
inline constexpr std::uint32_t kMaxNesting = 128;

enum class Kind : std::uint8_t {
    void_ = 0,
    integer = 1,
    pointer = 2,
    array = 3,
    structure = 4,
    union_ = 5,
    enumeration = 6,
    forward = 7,
    typedef_ = 8,
    volatile_ = 9,
    const_ = 10,
    restrict_ = 11,
    function = 12,
    function_prototype = 13,
    variable = 14,
    data_section = 15,
    floating = 16,
    declaration_tag = 17,
    type_tag = 18,
    enumeration64 = 19,
};
inline constexpr std::uint8_t kKindCount = 20;

// The word that the documentation and bpftool use: "INT", "STRUCT", "DATASEC".
std::string_view kind_word(Kind kind);
// typedef, const, volatile, restrict, type tag: what resolve() looks through.
bool is_transparent(Kind kind);

// A name without what follows the last "___": CO-RE's way of having a type twice. The three
// underscores stand between characters that are none.
std::string_view essential_name(std::string_view name);

struct Member { // of a structure or union; parameters of a prototype use name and type alone
    std::string_view name;
    TypeId type = 0;
    std::uint32_t bit_offset = 0;
    std::uint32_t bit_size = 0; // 0: not a bit field
};
struct Enumerator {
    std::string_view name;
    std::uint64_t value = 0; // sign-extended when the enumeration is signed
};
struct SectionVariable {
    TypeId variable = 0;
    std::uint32_t offset = 0;
    std::uint32_t size_bytes = 0;
};

// Bits of Type::int_encoding.
inline constexpr std::uint8_t kIntSigned = 1;
inline constexpr std::uint8_t kIntChar = 2;
inline constexpr std::uint8_t kIntBool = 4;

// The number in the file; a file may hold others.
enum class Linkage : std::uint32_t { static_ = 0, global = 1, external = 2 };

struct Type {
    std::string_view name; // empty for anonymous
    Kind kind = Kind::void_;
    bool kind_flag = false;          // union forward; signed enumeration; bit-field layout
    std::uint8_t int_bits = 0;       // integer
    std::uint8_t int_bit_offset = 0; // integer
    std::uint8_t int_encoding = 0;   // integer: kInt* bits
    std::uint32_t size_bytes = 0;    // integer, structure, union, enumerations, floating, section
    TypeId target = 0;               // what a pointer, typedef, modifier, function, variable or tag
                                     // refers to; result of a prototype; element of an array
    TypeId index_type = 0;           // array
    std::uint32_t count = 0;         // array elements
    Linkage linkage = Linkage::static_; // function, variable
    std::int32_t component = -1;        // declaration_tag: member or parameter, -1 for the whole
    std::span<const Member> members;    // structure, union, function_prototype
    std::span<const Enumerator> enumerators;
    std::span<const SectionVariable> variables; // data_section
};

class Btf {
  public:
    // Parses raw BTF (header, types, strings), either byte order. `base` for split BTF.
    static Result<Btf> parse(Bytes raw, std::shared_ptr<const Btf> base = nullptr);

    // The number of types, void and those of the base included: ids are 0 .. type_count() - 1.
    [[nodiscard]] std::uint32_t type_count() const;
    // The first id that is not the base's: 1 without a base.
    [[nodiscard]] TypeId first_own_id() const;
    [[nodiscard]] bool has(TypeId id) const { return id < type_count(); }
    [[nodiscard]] const Type& type(TypeId id) const; // precondition: has(id)
    [[nodiscard]] Result<std::string_view> text(std::uint32_t string_offset) const;
    // The string section, the base's not included.
    [[nodiscard]] std::string_view strings() const;
    [[nodiscard]] const std::shared_ptr<const Btf>& base() const;

    // All types whose name without its flavour is this, rising, the base's first.
    [[nodiscard]] std::vector<TypeId> find_flavours(std::string_view essential_name) const;
    // The first type with this name and kind.
    [[nodiscard]] std::optional<TypeId> find(std::string_view name, Kind kind) const;

    // `id` without typedefs, const, volatile, restrict and type tags.
    [[nodiscard]] TypeId resolve(TypeId id) const;
    // Bytes that a value of the type takes; an error for void, functions and forwards.
    [[nodiscard]] Result<std::uint32_t> size_of(TypeId id) const;
    // Whether values of the (resolved) type are signed: integers and enumerations.
    [[nodiscard]] bool is_signed(TypeId id) const;
    // "type 12 (STRUCT 'flow', offset 0x1a4)", for errors.
    [[nodiscard]] std::string where(TypeId id) const;
    // The raw form as BTF_LOAD takes it (little-endian), own types and strings only.
    [[nodiscard]] ByteVector bytes() const;

    // Sets what a compiler leaves 0 in a data section: its size and its variables' offsets. The
    // variables must be those that the section has, in any order.
    Result<void> patch_section(TypeId section, std::uint32_t size_bytes,
                               std::vector<SectionVariable> variables);

  private:
    friend class Editor;
    struct Data;
    explicit Btf(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

// Changes words of a Btf's own types in place, for loaders that mend what compilers leave open. The
// word at index 0 of a type is its name's offset, 1 its info (kind, vlen, flag), 2 its size or
// target; what follows depends on the kind. Strings and types may be added.
class Editor {
  public:
    explicit Editor(const Btf& btf);

    [[nodiscard]] std::optional<std::uint32_t> word(TypeId id, std::uint32_t index) const;
    // Does nothing when the type is not the Btf's own or has no such word.
    void set_word(TypeId id, std::uint32_t index, std::uint32_t value);
    std::uint32_t add_string(std::string_view text);
    TypeId add_type(std::span<const std::uint32_t> words);
    // The changed types, checked as parse does.
    Result<Btf> finish() &&;

  private:
    [[nodiscard]] std::optional<std::size_t> place(TypeId id, std::uint32_t index) const;

    Btf source_;
    std::vector<std::uint32_t> words_;
    std::string strings_;
    TypeId next_id_;
};

// The declaration of a variable of the type in C: "struct flow_val *v", "__u8 octet[4]".
std::string declaration(const Btf& btf, TypeId id, std::string_view variable_name);

} // namespace skep::btf
