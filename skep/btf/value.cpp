// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/value.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

namespace skep::btf {
namespace {

// Up to 128 bits, as two halves.
struct Wide {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
};

std::string hex_of(Wide number) {
    return number.high != 0 ? fmt::format("{:#x}{:016x}", number.high, number.low)
                            : fmt::format("{:#x}", number.low);
}

// `count` bits at `bit_offset`, lowest first. Precondition: count <= 128.
Result<Wide> bits_at(Bytes value, std::uint64_t bit_offset, std::uint32_t count) {
    const std::uint64_t first_byte = bit_offset / 8;
    const std::uint64_t last_byte = (bit_offset + count + 7) / 8;
    const Bytes bytes = TRY(slice(value, first_byte, last_byte - first_byte));
    Wide result;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t from = bit_offset % 8 + i;
        const std::uint64_t bit = (bytes[from / 8] >> (from % 8)) & 1U;
        (i < 64 ? result.low : result.high) |= bit << (i % 64);
    }
    return result;
}

class Walker {
  public:
    Walker(const Btf& btf, ValueVisitor& visitor) : btf_(btf), visitor_(visitor) {}

    Result<void> visit(TypeId id, Bytes value) {
        const TypeId resolved = btf_.resolve(id);
        const Type& type = btf_.type(resolved);
        switch (type.kind) {
        case Kind::integer:
            return integer(type, value);
        case Kind::pointer:
            visitor_.pointer(TRY(read_at<std::uint64_t>(value, 0)));
            return {};
        case Kind::array:
            return array(type, value);
        case Kind::structure:
        case Kind::union_:
            return composite(type, value);
        case Kind::enumeration:
        case Kind::enumeration64:
            return enumeration(type, value);
        case Kind::variable:
            visitor_.begin_object();
            visitor_.name(type.name);
            return ended(visit(type.target, value), &ValueVisitor::end_object);
        case Kind::data_section:
            return section(type, value);
        case Kind::floating:
            return floating(type, value);
        case Kind::void_:
        case Kind::forward:
        case Kind::typedef_:
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::function:
        case Kind::function_prototype:
        case Kind::declaration_tag:
        case Kind::type_tag:
            break;
        }
        return fail(Code::invalid_input, fmt::format("{} can have no value", btf_.where(resolved)));
    }

  private:
    Result<void> ended(Result<void> outcome, void (ValueVisitor::*end)()) {
        (visitor_.*end)();
        return outcome;
    }

    Result<void> integer(const Type& type, Bytes value) {
        const bool is_whole = type.int_bit_offset == 0 && type.int_bits == type.size_bytes * 8 &&
                              type.size_bytes <= 8 && std::has_single_bit(type.size_bytes);
        if (!is_whole) {
            return bit_field(value, type.int_bit_offset, type.int_bits);
        }
        const std::uint64_t number = TRY(bits_at(value, 0, type.int_bits)).low;
        if ((type.int_encoding & kIntBool) != 0) {
            visitor_.boolean(number != 0);
        } else if ((type.int_encoding & kIntChar) != 0 && type.size_bytes == 1) {
            character(static_cast<char>(number));
        } else if ((type.int_encoding & kIntSigned) != 0) {
            const int spare = 64 - type.int_bits;
            visitor_.signed_number(static_cast<std::int64_t>(number << spare) >> spare);
        } else {
            visitor_.unsigned_number(number);
        }
        return {};
    }

    void character(char letter) {
        if (is_printable(letter)) {
            visitor_.text(std::string_view(&letter, 1));
        } else {
            visitor_.hexadecimal(fmt::format("{:#x}", static_cast<std::uint8_t>(letter)));
        }
    }

    Result<void> bit_field(Bytes value, std::uint64_t bit_offset, std::uint32_t bits) {
        visitor_.hexadecimal(hex_of(TRY(bits_at(value, bit_offset, std::min(bits, 128U)))));
        return {};
    }

    Result<void> enumeration(const Type& type, Bytes value) {
        if (type.size_bytes > 8) {
            return fail(Code::invalid_input,
                        fmt::format("enumeration '{}' of {} bytes", type.name, type.size_bytes));
        }
        const std::uint64_t raw = TRY(bits_at(value, 0, type.size_bytes * 8)).low;
        const std::uint32_t spare = type.size_bytes == 0 ? 0 : 64 - type.size_bytes * 8;
        const std::int64_t number = static_cast<std::int64_t>(raw << spare) >> spare;
        for (const Enumerator& enumerator : type.enumerators) {
            if (enumerator.value == raw || enumerator.value == static_cast<std::uint64_t>(number)) {
                visitor_.text(enumerator.name);
                return {};
            }
        }
        if (type.kind_flag ||
            type.kind == Kind::enumeration) { // bpftool prints an enum's number as an int
            visitor_.signed_number(number);
        } else {
            visitor_.unsigned_number(raw);
        }
        return {};
    }

    Result<void> floating(const Type& type, Bytes value) {
        if (type.size_bytes == 4) {
            visitor_.floating(std::bit_cast<float>(TRY(read_at<std::uint32_t>(value, 0))));
            return {};
        }
        if (type.size_bytes == 8) {
            visitor_.floating(std::bit_cast<double>(TRY(read_at<std::uint64_t>(value, 0))));
            return {};
        }
        return bit_field(value, 0, std::min(type.size_bytes, 16U) * 8);
    }

    static bool is_printable(char letter) { return letter > 0x1f && letter < 0x7f; }

    // Characters up to a zero, all printable: what a person wants to read as text. "signed char"
    // and "unsigned char" are numbers, and compilers mark none of the three as characters.
    [[nodiscard]] std::optional<std::string_view> text_in(const Type& array, Bytes value) const {
        const Type& element = btf_.type(btf_.resolve(array.target));
        const bool is_char = element.kind == Kind::integer && element.int_bits == 8 &&
                             element.size_bytes == 1 &&
                             (element.name == "char" || (element.int_encoding & kIntChar) != 0);
        if (!is_char) {
            return std::nullopt;
        }
        const Bytes within = value.subspan(0, std::min<std::size_t>(array.count, value.size()));
        const auto end = std::find(within.begin(), within.end(), std::uint8_t{0});
        const std::string_view text(
            reinterpret_cast<const char*>(within.data()), // NOLINT: char may view bytes
            static_cast<std::size_t>(end - within.begin()));
        const bool readable =
            end != within.end() && std::all_of(text.begin(), text.end(), is_printable);
        return readable ? std::optional(text) : std::nullopt;
    }

    Result<void> array(const Type& type, Bytes value) {
        if (const auto text = text_in(type, value)) {
            visitor_.text(*text);
            return {};
        }
        const std::uint32_t element_bytes = TRY(btf_.size_of(type.target));
        const auto total = checked_multiply<std::uint64_t>(element_bytes, type.count);
        if (!total || *total > value.size() ||
            (element_bytes == 0 && type.count > kMaxEmptyElements)) {
            return fail(Code::invalid_input,
                        fmt::format("array of {} times {} bytes, {} bytes are there", type.count,
                                    element_bytes, value.size()));
        }
        visitor_.begin_array();
        for (std::uint64_t i = 0; i < type.count; ++i) {
            auto outcome = visit(type.target, value.subspan(i * element_bytes, element_bytes));
            if (!outcome.ok()) {
                return ended(std::move(outcome), &ValueVisitor::end_array);
            }
        }
        visitor_.end_array();
        return {};
    }

    Result<void> composite(const Type& type, Bytes value) {
        visitor_.begin_object();
        for (const Member& member : type.members) {
            if (btf_.resolve(member.type) == 0) {
                continue; // a function of a C++ class: compilers leave it here without a type
            }
            visitor_.name(member.name);
            auto outcome = this->member(member, value);
            if (!outcome.ok()) {
                visitor_.text("");
                return ended(std::move(outcome), &ValueVisitor::end_object);
            }
        }
        visitor_.end_object();
        return {};
    }

    Result<void> member(const Member& member, Bytes value) {
        const Type& type = btf_.type(btf_.resolve(member.type));
        if (member.bit_size != 0) {
            return bit_field(value, member.bit_offset, member.bit_size);
        }
        if (type.kind == Kind::integer &&
            (member.bit_offset % 8 != 0 || type.int_bits != type.size_bytes * 8)) {
            return bit_field(value, std::uint64_t{member.bit_offset} + type.int_bit_offset,
                             type.int_bits);
        }
        const std::uint64_t offset = member.bit_offset / 8;
        return visit(member.type,
                     TRY(slice(value, offset,
                               value.size() - std::min<std::uint64_t>(offset, value.size()))));
    }

    Result<void> section(const Type& type, Bytes value) {
        visitor_.begin_object();
        visitor_.name(type.name);
        visitor_.begin_array();
        Result<void> outcome;
        for (const SectionVariable& variable : type.variables) {
            const auto bytes = slice(value, variable.offset, variable.size_bytes);
            outcome = bytes.ok() ? visit(variable.variable, *bytes) : Result<void>(bytes.error());
            if (!outcome.ok()) {
                break;
            }
        }
        visitor_.end_array();
        visitor_.end_object();
        return outcome;
    }

    static constexpr std::uint32_t kMaxEmptyElements = 4096; // of no bytes each

    const Btf& btf_;
    ValueVisitor& visitor_;
};

} // namespace

Result<void> visit_value(const Btf& btf, TypeId type, Bytes value, ValueVisitor& visitor) {
    if (!btf.has(type)) {
        return fail(Code::invalid_input, fmt::format("no type {}", type));
    }
    return Walker(btf, visitor).visit(type, value);
}

} // namespace skep::btf
