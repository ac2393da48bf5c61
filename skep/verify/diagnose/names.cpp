// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/diagnose/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "skep/spec/contexts/contexts.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/verify/explain/value_text.hpp"

namespace skep::verify {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

// The identifier that ends where the text ends; empty when something else stands there.
std::string_view last_word(std::string_view text) {
    std::size_t begin = text.size();
    while (begin > 0 && is_word(text[begin - 1])) {
        --begin;
    }
    const std::string_view word = text.substr(begin);
    return is_identifier(word) ? word : std::string_view{};
}

// The identifier that ends there and is no field of something.
std::optional<std::string> last_variable(std::string_view text) {
    const std::string_view word = last_word(trimmed(text));
    const std::string_view before = trimmed(text).substr(0, trimmed(text).size() - word.size());
    const bool is_field = before.ends_with("->") || before.ends_with(".");
    return word.empty() || is_field ? std::nullopt : std::optional(std::string(word));
}

constexpr std::size_t kNowhere = std::string_view::npos;

} // namespace

bool is_identifier(std::string_view text) {
    return !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
           std::all_of(text.begin(), text.end(), is_word);
}

std::optional<std::string> assigned_name(std::string_view source) {
    for (std::size_t at = source.find('='); at != kNowhere; at = source.find('=', at + 1)) {
        const bool compares = (at + 1 < source.size() && source[at + 1] == '=') ||
                              (at > 0 && std::string_view("=!<>").find(source[at - 1]) != kNowhere);
        if (compares) {
            continue;
        }
        std::string_view left = source.substr(0, at);
        while (!left.empty() && std::string_view("+-*/%&|^").find(left.back()) != kNowhere) {
            left.remove_suffix(1);
        }
        return last_variable(left);
    }
    return std::nullopt;
}

std::optional<std::string> dereferenced_name(std::string_view source, std::uint32_t column) {
    if (column > 1 && column <= source.size()) {
        std::string_view before = source.substr(0, column - 1);
        if (before.ends_with("->")) {
            return last_variable(before.substr(0, before.size() - 2));
        }
    }
    for (std::size_t at = source.find("->"); at != kNowhere; at = source.find("->", at + 2)) {
        if (auto name = last_variable(source.substr(0, at))) {
            return name;
        }
    }
    for (std::size_t at = source.find('*'); at != kNowhere; at = source.find('*', at + 1)) {
        std::size_t end = at + 1;
        while (end < source.size() && is_word(source[end])) {
            ++end;
        }
        const std::string_view word = source.substr(at + 1, end - at - 1);
        const std::string_view before = trimmed(source.substr(0, at));
        const bool is_operator = before.empty() || !is_word(before.back());
        if (is_identifier(word) && is_operator) {
            return std::string(word);
        }
    }
    return std::nullopt;
}

std::optional<std::string> index_name(std::string_view source, std::uint32_t column) {
    std::size_t from = column > 0 && column <= source.size() ? source.find('[', column - 1) : 0;
    from = from == kNowhere ? 0 : from;
    for (std::size_t at = source.find('[', from); at != kNowhere; at = source.find('[', at + 1)) {
        const std::size_t end = source.find(']', at);
        const std::string_view inside =
            trimmed(source.substr(at + 1, end == kNowhere ? 0 : end - at - 1));
        if (is_identifier(inside)) {
            return std::string(inside);
        }
    }
    return std::nullopt;
}

std::optional<Element> constant_element(std::string_view source, std::uint32_t column) {
    const std::size_t from = column > 0 && column <= source.size() ? column - 1 : 0;
    for (std::size_t at = source.find('[', from); at != kNowhere; at = source.find('[', at + 1)) {
        const auto array = last_variable(source.substr(0, at));
        Element element;
        const char* const begin = source.data() + at + 1;
        const auto [end, error] =
            std::from_chars(begin, source.data() + source.size(), element.index);
        const bool ends = end != source.data() + source.size() && *end == ']';
        if (array.has_value() && error == std::errc() && ends) {
            element.array = *array;
            return element;
        }
    }
    return std::nullopt;
}

std::optional<CallText> call_in(std::string_view source, std::string_view function) {
    const std::size_t name = source.find(function);
    const std::size_t open = name == kNowhere ? kNowhere : source.find('(', name);
    if (function.empty() || open == kNowhere) {
        return std::nullopt;
    }
    CallText call;
    call.begin = open + 1;
    std::string argument;
    int depth = 0;
    for (std::size_t at = open + 1; at < source.size(); ++at) {
        const char c = source[at];
        if (depth == 0 && (c == ',' || c == ')')) {
            call.arguments.emplace_back(trimmed(argument));
            argument.clear();
            if (c == ')') {
                return call;
            }
            continue;
        }
        depth += c == '(' || c == '[' || c == '{' ? 1 : 0;
        depth -= c == ')' || c == ']' || c == '}' ? 1 : 0;
        argument += c;
    }
    return std::nullopt; // it goes on in the next line
}

std::string context_name(const Subject& subject) {
    const btf::Btf* types = subject.environment.program_types;
    const std::uint32_t function = subject.subprograms.front().btf_function;
    if (types != nullptr && function != 0) {
        const btf::Type& prototype = types->type(types->type(function).target);
        if (!prototype.members.empty() && !prototype.members.front().name.empty()) {
            return std::string(prototype.members.front().name);
        }
    }
    return "ctx";
}

namespace {

// On the way down to an offset: what was named so far, and what is still to be entered. Each step
// answers whether there was one.
struct Descent {
    Field field;
    btf::TypeId id;
    std::uint32_t offset;
};

bool enter_element(const btf::Btf& types, const btf::Type& array, Descent& way) {
    const auto element = types.size_of(array.target);
    if (!element.ok() || element.value() == 0) {
        return false;
    }
    way.field.array_count = array.count;
    way.field.element_bytes = element.value();
    const std::uint32_t index = way.offset / element.value();
    way.field.path += index == 0 ? "[]" : fmt::format("[{}]", index);
    way.offset %= element.value();
    way.id = array.target;
    return true;
}

bool enter_variable(const btf::Btf& types, const btf::Type& section, Descent& way) {
    const auto variable =
        std::find_if(section.variables.begin(), section.variables.end(), [&](const auto& one) {
            return way.offset >= one.offset && way.offset < one.offset + one.size_bytes;
        });
    if (variable == section.variables.end() || !types.has(variable->variable)) {
        return false;
    }
    way.field.path = types.type(variable->variable).name;
    way.offset -= variable->offset;
    way.id = types.type(variable->variable).target;
    return true;
}

bool enter_member(const btf::Btf& types, const btf::Type& structure, Descent& way) {
    if (structure.kind == btf::Kind::function_prototype) {
        return false;
    }
    const auto found = std::find_if(
        structure.members.begin(), structure.members.end(), [&](const btf::Member& member) {
            const auto size = types.size_of(member.type);
            const std::uint32_t begin = member.bit_offset / 8;
            return size.ok() && way.offset >= begin && way.offset < begin + size.value();
        });
    if (found == structure.members.end()) {
        return false;
    }
    way.field.path += way.field.path.empty() || found->name.empty() ? "" : ".";
    way.field.path += found->name;
    way.offset -= found->bit_offset / 8;
    way.id = found->type;
    return true;
}

bool enter(const btf::Btf& types, Descent& way) {
    const btf::Type& type = types.type(types.resolve(way.id));
    if (type.kind == btf::Kind::array) {
        return enter_element(types, type, way);
    }
    return type.kind == btf::Kind::data_section ? enter_variable(types, type, way)
                                                : enter_member(types, type, way);
}

} // namespace

Field field_at(const btf::Btf& types, btf::TypeId id, std::uint32_t offset) {
    constexpr unsigned kMaxDepth = 16;
    Descent way{{}, id, offset};
    unsigned depth = 0;
    while (depth < kMaxDepth && types.has(way.id) && enter(types, way)) {
        ++depth;
    }
    return way.field;
}

namespace {

std::string number_words(const Scalar& number) {
    constexpr std::int64_t kFar = std::int64_t{1} << 40;
    if (number.is_constant()) {
        return fmt::format("the number {}", static_cast<std::int64_t>(number.value()));
    }
    const bool from_below = number.s.min > -kFar;
    const bool from_above = number.s.max < kFar;
    if (from_below && from_above) {
        return fmt::format("a number from {} to {}", number.s.min, number.s.max);
    }
    if (number.u.max < (std::uint64_t{1} << 40)) {
        return fmt::format("a number from {} to {}", number.u.min, number.u.max);
    }
    return from_below ? fmt::format("a number of at least {}", number.s.min)
                      : std::string("any number");
}

std::string pointer_words(const Subject& subject, const Value& value) {
    using enum ValueKind;
    if (value.is(context)) {
        const spec::ProgramTypeRow* row = spec::find(subject.program.type);
        const bool has_type = row != nullptr && row->context != spec::ContextId::none;
        return has_type
                   ? fmt::format("the context (struct {})", spec::context(row->context).structure)
                   : "the context";
    }
    if (value.is(map_pointer)) {
        return fmt::format("the map `{}` itself", subject.map(value.map()).name);
    }
    if (value.is(map_value) || value.is(map_key)) {
        return fmt::format("a pointer to {} of map `{}`",
                           value.is(map_value) ? "the value" : "a key",
                           subject.map(value.map()).name);
    }
    if (value.is(memory)) {
        return fmt::format("a pointer to {} bytes of {}", value.size_bytes(),
                           value.has(kRingbuf) ? "a ring buffer record" : "memory");
    }
    return value.is(stack)         ? "the address of a local variable"
           : value.is(packet)      ? "a pointer into the packet"
           : value.is(packet_meta) ? "a pointer to the packet's metadata"
           : value.is(packet_end)  ? "the packet's end"
                                   : fmt::format("a {}", kind_text(value));
}

} // namespace

std::string described(const Subject& subject, const Value& value) {
    if (!value.is_initialised()) {
        return "nothing: it was never written";
    }
    if (value.is_scalar()) {
        return number_words(value.number);
    }
    return pointer_words(subject, value) + (value.may_be_null() ? ", or null" : "");
}

} // namespace skep::verify
