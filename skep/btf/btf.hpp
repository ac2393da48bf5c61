// SPDX-License-Identifier: Apache-2.0
//
// Types as BTF describes them.
//
// A Btf owns its types and strings; a type is named by its id, 0 being void. `parse` checks
// everything that can be checked without knowing what the types are for (kinds, sizes, references,
// names, cycles), so that code holding a Btf may follow references without fear. A split BTF (a
// module's, on top of vmlinux's) shares its base and continues its ids.
//
// Source: Documentation/bpf/btf.rst. Proved by: btf_test.cpp, fuzz/btf.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"

namespace skep::btf {

using TypeId = std::uint32_t; // 0 is void

enum class Kind : std::uint8_t {
    void_ = 0, integer = 1, pointer = 2, array = 3, structure = 4, union_ = 5, enumeration = 6,
    forward = 7, typedef_ = 8, volatile_ = 9, const_ = 10, restrict_ = 11, function = 12,
    function_prototype = 13, variable = 14, data_section = 15, floating = 16, declaration_tag = 17,
    type_tag = 18, enumeration64 = 19,
};

struct Member {               // of a structure, union; parameters of a prototype use name and type alone
    std::string_view name;
    TypeId type = 0;
    std::uint32_t bit_offset = 0;
    std::uint32_t bit_size = 0; // 0: not a bit field
};
struct Enumerator {
    std::string_view name;
    std::uint64_t value = 0;  // sign-extended when the enumeration is signed
};
struct SectionVariable {
    TypeId variable = 0;
    std::uint32_t offset = 0;
    std::uint32_t size_bytes = 0;
};

enum class IntEncoding : std::uint8_t { none = 0, is_signed = 1, is_char = 2, is_bool = 4 };
enum class Linkage : std::uint8_t { static_ = 0, global = 1, external = 2 };

struct Type {
    Kind kind = Kind::void_;
    std::string_view name;               // empty for anonymous
    std::uint32_t size_bytes = 0;        // integer, structure, union, enumerations, floating, data section
    TypeId target = 0;                   // what a pointer, typedef, modifier, function, variable, tag refers to; result of a prototype; element of an array
    TypeId index_type = 0;               // array
    std::uint32_t count = 0;             // array elements
    std::uint8_t int_bits = 0;           // integer
    std::uint8_t int_bit_offset = 0;
    std::uint8_t int_encoding = 0;       // IntEncoding bits
    bool kind_flag = false;              // union forward; signed enumeration; bit-field layout
    Linkage linkage = Linkage::static_;  // function, variable
    std::int32_t component = -1;         // declaration_tag: member or parameter, -1 for the whole
    std::vector<Member> members;         // structure, union, function_prototype
    std::vector<Enumerator> enumerators;
    std::vector<SectionVariable> variables; // data_section
};

class Btf {
  public:
    // Parses raw BTF (header, types, strings), either byte order. `base` for split BTF.
    static Result<Btf> parse(Bytes raw, std::shared_ptr<const Btf> base = nullptr);

    Btf(Btf&&) noexcept;
    Btf& operator=(Btf&&) noexcept;
    Btf(const Btf&);
    Btf& operator=(const Btf&);
    ~Btf();

    // The number of types, void included: ids are 0 .. type_count() - 1.
    [[nodiscard]] std::uint32_t type_count() const;
    [[nodiscard]] bool has(TypeId id) const;
    [[nodiscard]] const Type& type(TypeId id) const; // precondition: has(id)
    [[nodiscard]] Result<std::string_view> text(std::uint32_t string_offset) const;

    // The first type with this name and kind.
    [[nodiscard]] std::optional<TypeId> find(std::string_view name, Kind kind) const;

    // `id` without typedefs, const, volatile, restrict and type tags.
    [[nodiscard]] TypeId resolve(TypeId id) const;
    // Bytes that a value of the type takes; an error for void, functions and forwards.
    [[nodiscard]] Result<std::uint32_t> size_of(TypeId id) const;
    // The raw form as BTF_LOAD takes it (little-endian), data-section patches included.
    [[nodiscard]] ByteVector bytes() const;

    // Sets what a compiler leaves 0 in a data section: its size and its variables' offsets.
    Result<void> patch_section(TypeId section, std::uint32_t size_bytes, std::vector<SectionVariable> variables);

  private:
    struct Data;
    explicit Btf(std::unique_ptr<Data> data);
    std::unique_ptr<Data> data_;
};

// The declaration of a variable of the type in C: "struct flow_val *v", "__u8 octet[4]".
std::string declaration(const Btf& btf, TypeId id, std::string_view variable_name);

} // namespace skep::btf
