// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/value_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "skep/btf/btf.hpp"

namespace skep::verify {
namespace {

constexpr std::string_view base_text(ValueKind kind) {
    switch (kind) {
    case ValueKind::uninitialised:
        return "?";
    case ValueKind::scalar:
        return "scalar";
    case ValueKind::context:
        return "ctx";
    case ValueKind::map_pointer:
        return "map_ptr";
    case ValueKind::map_value:
        return "map_value";
    case ValueKind::map_key:
        return "map_key";
    case ValueKind::stack:
        return "fp";
    case ValueKind::packet_meta:
        return "pkt_meta";
    case ValueKind::packet:
        return "pkt";
    case ValueKind::packet_end:
        return "pkt_end";
    case ValueKind::flow_keys:
        return "flow_keys";
    case ValueKind::socket:
        return "sock";
    case ValueKind::socket_common:
        return "sock_common";
    case ValueKind::tcp_socket:
        return "tcp_sock";
    case ValueKind::xdp_socket:
        return "xdp_sock";
    case ValueKind::tracepoint_buffer:
        return "tp_buffer";
    case ValueKind::btf_object:
        return "ptr_";
    case ValueKind::memory:
        return "mem";
    case ValueKind::buffer:
        return "buf";
    case ValueKind::arena:
        return "arena";
    case ValueKind::function:
        return "func";
    case ValueKind::dynptr:
        return "dynptr_ptr";
    }
    return "?";
}

constexpr std::array<std::pair<std::uint32_t, std::string_view>, 9> kPrefixes{{
    {kReadOnly, "rdonly_"},
    {kRingbuf, "ringbuf_"},
    {kUser, "user_"},
    {kPercpu, "percpu_"},
    {kRcu, "rcu_"},
    {kUntrusted, "untrusted_"},
    {kTrusted, "trusted_"},
    {kNonOwning, "non_own_ref_"},
    {kAllocated, ""},
}};

// "name=" and a number: small ones in decimal, others in hexadecimal.
template <class Number>
std::string number_text(Number number) {
    if constexpr (std::is_signed_v<Number>) {
        if (number >= std::numeric_limits<std::int16_t>::min() &&
            number <= std::numeric_limits<std::int16_t>::max()) {
            return fmt::format("{}", number);
        }
        return fmt::format("{:#x}", static_cast<std::make_unsigned_t<Number>>(number));
    } else {
        return number <= std::numeric_limits<std::uint16_t>::max() ? fmt::format("{}", number)
                                                                   : fmt::format("{:#x}", number);
    }
}

class Fields {
  public:
    void add(std::string_view name, std::string_view text) {
        text_ += text_.empty() ? "" : ",";
        text_ += name;
        text_ += "=";
        text_ += text;
    }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
};

struct Bound {
    std::string_view name;
    std::string text;
    bool is_default = false;
};

// The eight ends, each name once; lower ends of one value are merged, "smin=umin=5", and upper
// ends.
void add_bounds(Fields& fields, const Scalar& number) {
    constexpr std::int32_t kS32Min = std::numeric_limits<std::int32_t>::min();
    constexpr std::int32_t kS32Max = std::numeric_limits<std::int32_t>::max();
    constexpr std::int64_t kS64Min = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kS64Max = std::numeric_limits<std::int64_t>::max();
    // A 32-bit end is read as a 64-bit number where it is compared with the others.
    const std::array<Bound, 8> ends{{
        {"smin", number_text(number.s.min), number.s.min == kS64Min},
        {"smax", number_text(number.s.max), number.s.max == kS64Max},
        {"umin", number_text(number.u.min), number.u.min == 0},
        {"umax", number_text(number.u.max), number.u.max == ~0ULL},
        {"smin32", number_text(std::int64_t{number.s_low.min}), number.s_low.min == kS32Min},
        {"smax32", number_text(std::int64_t{number.s_low.max}), number.s_low.max == kS32Max},
        {"umin32", number_text(number.u_low.min), number.u_low.min == 0},
        {"umax32", number_text(number.u_low.max), number.u_low.max == ~0U},
    }};
    const std::array<std::uint64_t, 8> numbers{
        static_cast<std::uint64_t>(number.s.min),
        static_cast<std::uint64_t>(number.s.max),
        number.u.min,
        number.u.max,
        static_cast<std::uint64_t>(std::int64_t{number.s_low.min}),
        static_cast<std::uint64_t>(std::int64_t{number.s_low.max}),
        number.u_low.min,
        number.u_low.max};
    std::array<bool, 8> done{};
    for (std::size_t first = 0; first < ends.size(); ++first) {
        if (done[first] || ends[first].is_default) {
            continue;
        }
        std::string names{ends[first].name};
        for (std::size_t next = first + 2; next < ends.size(); next += 2) {
            if (!done[next] && !ends[next].is_default && numbers[next] == numbers[first]) {
                names += "=";
                names += ends[next].name;
                done[next] = true;
            }
        }
        fields.add(names, ends[first].text);
    }
}

void add_number(Fields& fields, const Scalar& number) {
    add_bounds(fields, number);
    if (!number.bits.is_top()) {
        fields.add("var_off", bits_text(number.bits));
    }
}

bool is_map_kind(const Value& value) {
    return value.is(ValueKind::map_pointer) || value.is(ValueKind::map_value) ||
           value.is(ValueKind::map_key);
}

std::string constant_text(const Scalar& number) {
    return number_text(static_cast<std::int64_t>(number.value()));
}

void add_payload(Fields& fields, const Subject& subject, const Value& value) {
    if (is_map_kind(value)) {
        const spec::MapSpec& map = subject.map(value.map());
        if (!map.name.empty() && !value.map().is_inner()) {
            fields.add("map", map.name.substr(0, 15));
        }
        fields.add("ks", fmt::format("{}", map.key_size_bytes));
        fields.add("vs", fmt::format("{}", map.value_size_bytes));
    }
    if (!value.is_scalar() && value.offset != 0) {
        fields.add("off", number_text(value.offset));
    }
    if (value.is(ValueKind::packet) || value.is(ValueKind::packet_meta)) {
        fields.add("r", number_text(static_cast<std::uint64_t>(std::int64_t{value.range})));
    }
    if (value.is(ValueKind::memory)) {
        fields.add("sz", number_text(value.size_bytes()));
    }
}

} // namespace

std::string type_name(const Subject& subject, const Value& value) {
    const btf::Btf* types = subject.environment.types_of(value.instance);
    if (types == nullptr || !types->has(value.type_id())) {
        return {};
    }
    return std::string(types->type(value.type_id()).name);
}

std::string bits_text(const Tnum64& bits) {
    return bits.is_constant() ? number_text(bits.value)
                              : fmt::format("({:#x}; {:#x})", bits.value, bits.mask);
}

std::string kind_text(const Value& value) {
    std::string text;
    for (const auto& [flag, prefix] : kPrefixes) {
        if (value.has(flag)) {
            text += prefix;
        }
    }
    text += base_text(value.kind);
    if (value.may_be_null()) {
        text += value.is(ValueKind::btf_object) ? "or_null_" : "_or_null";
    }
    return text;
}

std::string value_text(const Subject& subject, const State& state, const Value& value,
                       bool precise) {
    return value_text(subject, state.depth(), value, precise);
}

std::string object_text(const Subject& subject, const Slot& slot, int offset) {
    const Value& object = slot.value;
    if (object.offset != offset) {
        return {};
    }
    if (slot.all(SlotByte::dynptr)) {
        constexpr std::array<std::string_view, 6> kKinds{"",    "local", "ringbuf",
                                                         "skb", "xdp",   "skb_meta"};
        const std::string reference =
            object.reference_id == 0 ? "" : fmt::format(",ref_id={}", object.reference_id);
        // The last number is 1 in every log of Linux 6.18.
        return fmt::format("dynptr_{}(id={}{},dynptr_id=1)",
                           kKinds.at(std::min<std::size_t>(object.subject, kKinds.size() - 1)),
                           object.id, reference);
    }
    const btf::Btf* types = subject.environment.kernel_types;
    std::string_view name = types != nullptr && types->has(object.type_id())
                                ? types->type(object.type_id()).name
                                : std::string_view("iter");
    name.remove_prefix(name.starts_with("bpf_") ? std::string_view("bpf_").size() : 0);
    constexpr std::uint64_t kActive = 1;
    return fmt::format("{}(ref_id={},state={},depth={})", name, object.reference_id,
                       object.number.value() == kActive ? "active" : "drained", object.origin);
}

std::string value_text(const Subject& subject, unsigned shown_in, const Value& value,
                       bool precise) {
    if (value.is_scalar() && value.number.is_constant()) {
        return (precise ? "P" : "") + constant_text(value.number);
    }
    const std::string frame = value.is(ValueKind::stack) && value.frame != shown_in
                                  ? fmt::format("[{}]", value.frame)
                                  : std::string();
    if (value.is(ValueKind::stack) && value.at_fixed_offset()) {
        const std::int64_t offset = value.offset + static_cast<std::int64_t>(value.number.value());
        return fmt::format("fp{}{}", frame, number_text(offset));
    }
    std::string text = (precise ? "P" : "") + kind_text(value) + frame;
    if (value.is(ValueKind::btf_object)) {
        text += type_name(subject, value);
    }
    Fields fields;
    if (value.id != 0) {
        fields.add("id", value.linked_by_delta ? fmt::format("{}{:+}", value.id, value.offset)
                                               : fmt::format("{}", value.id));
    }
    if (value.reference_id != 0) {
        fields.add("ref_obj_id", fmt::format("{}", value.reference_id));
    }
    add_payload(fields, subject, value);
    if (value.is_scalar() || !value.at_fixed_offset()) {
        add_number(fields, value.number);
    } else if (value.number.value() != 0) {
        fields.add("imm", constant_text(value.number));
    }
    return text + "(" + fields.text() + ")";
}

} // namespace skep::verify
