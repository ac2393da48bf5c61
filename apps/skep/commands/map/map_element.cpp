// SPDX-License-Identifier: Apache-2.0
//
// skep map lookup, update, getnext, delete, peek, push, pop: one element, named and given in bytes.
//
// Bytes are typed as numbers, each decimal, 0x hexadecimal or 0 octal; after `hex`, as hexadecimal
// digits alone. The value of a map that holds maps or programs is typed as a MAP or PROG.
#include <cerrno>
#include <charconv>

#include "apps/skep/commands/map/map.hpp"
#include "apps/skep/hex_dump.hpp"

namespace skep::app {

namespace {

std::optional<std::uint64_t> parse_byte(std::string_view text, bool is_hex) {
    if (!is_hex) {
        return Words::parse_number<std::uint64_t>(text);
    }
    std::uint64_t number = 0;
    text.remove_prefix(text.starts_with("0x") ? 2 : 0);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return error == std::errc() && end == text.data() + text.size() && !text.empty()
               ? std::optional(number)
               : std::nullopt;
}

// As many bytes as the map wants; a number above 255 is cut, as bpftool does, but not in silence.
Result<ByteVector> read_bytes(Session& session, Words& words, std::string_view what,
                              std::uint32_t size) {
    const bool is_hex = words.take_keyword("hex");
    ByteVector bytes;
    while (bytes.size() < size && !words.at_end()) {
        const std::string word = words.take();
        const std::optional<std::uint64_t> number = parse_byte(word, is_hex);
        if (!number.has_value()) {
            return fail(Code::invalid_input, fmt::format("error parsing byte: {}", word));
        }
        if (*number > 0xff) {
            session.remark("Warning: {} does not fit into a byte: {} is used", word,
                           *number & 0xff);
        }
        bytes.push_back(static_cast<std::uint8_t>(*number));
    }
    if (bytes.size() < size) {
        return fail(Code::invalid_input,
                    fmt::format("{} expected {} bytes got {}", what, size, bytes.size()));
    }
    return bytes;
}

struct Element {
    std::optional<ByteVector> key;
    std::optional<ByteVector> value;
    std::uint64_t flags = 0;
    os::Fd held; // the map or program that the value names, open until the call is made
};

ByteVector descriptor_bytes(const os::Fd& fd) {
    ByteWriter writer(std::endian::native);
    writer.write(static_cast<std::uint32_t>(fd.number()));
    return writer.take();
}

Result<void> read_value(Session& session, const OpenMap& map, Words& words, Element& element) {
    const bool is_reference = words.next_is("id") || words.next_is("name") ||
                              words.next_is("pinned") || words.next_is("tag");
    if (map.holds_programs() && is_reference) {
        element.held = TRY(find_program(session, words));
        element.value = descriptor_bytes(element.held);
        return {};
    }
    if (map.holds_maps() && is_reference) {
        element.held = TRY(find_map(session, words));
        element.value = descriptor_bytes(element.held);
        return {};
    }
    const ByteVector one = TRY(read_bytes(session, words, "value", map.info.value_size));
    ByteVector all(client::user_value_bytes(map.info));
    const std::size_t stride = client::is_per_cpu(map.type())
                                   ? (one.size() + 7) / 8 * 8
                                   : std::max<std::size_t>(one.size(), 1);
    for (std::size_t at = 0; at + one.size() <= all.size() && !one.empty(); at += stride) {
        std::copy(one.begin(), one.end(), all.begin() + static_cast<std::ptrdiff_t>(at));
    }
    element.value = std::move(all);
    return {};
}

Result<Element> read_element(Session& session, const OpenMap& map, Words& words) {
    constexpr std::uint64_t kNoExist = 1;
    constexpr std::uint64_t kExist = 2;
    Element element;
    while (!words.at_end()) {
        if (words.take_keyword("key")) {
            if (map.info.key_size == 0) {
                return fail(Code::invalid_input, "unnecessary keyword 'key': the map has none");
            }
            element.key = TRY(read_bytes(session, words, "key", map.info.key_size));
        } else if (words.take_keyword("value")) {
            TRY(read_value(session, map, words, element));
        } else if (words.take_keyword("any")) {
            element.flags = 0;
        } else if (words.take_keyword("noexist")) {
            element.flags = kNoExist;
        } else if (words.take_keyword("exist")) {
            element.flags = kExist;
        } else {
            return fail(Code::invalid_input,
                        fmt::format("expected key or value, got: {}", words.peek()));
        }
    }
    return element;
}

Result<OpenMap> named_map(Session& session, Words& words) {
    os::Fd fd = TRY(find_map(session, words));
    return open_map(session, std::move(fd));
}

// A key for maps that have keys; empty for queues and stacks.
Result<ByteVector> key_of(const OpenMap& map, Element& element) {
    if (map.info.key_size != 0 && !element.key.has_value()) {
        return fail(
            Code::invalid_input,
            fmt::format("did not find key: the map's keys have {} bytes", map.info.key_size));
    }
    return std::move(element.key).value_or(ByteVector());
}

// Shows one element as the answer to a command.
Result<void> show_element(Session& session, const OpenMap& map, Bytes key, Bytes value) {
    if (session.json() != nullptr) {
        return write_element(*session.json(), map, key, value, ValueStyle::json);
    }
    if (!map.types.has_value() || map.info.key_size == 0) {
        print_element(session, map, key, value);
        return {};
    }
    observe::JsonWriter json(session.out(), observe::JsonLayout::pretty);
    TRY(write_element(json, map, key, value, ValueStyle::plain));
    json.end_document();
    return {};
}

Error shown_as_absent(Session& session, const OpenMap& map, Bytes key) {
    if (session.json() == nullptr) {
        if (map.info.key_size == 0) {
            session.print("Error: empty map\n");
        } else {
            session.print("key:\n{}\n\nNot found\n", hex_text(key));
        }
    }
    return already_reported(ENOENT);
}

} // namespace

Result<void> look_up_element(Session& session, Words& words) {
    const OpenMap map = TRY(named_map(session, words));
    Element element = TRY(read_element(session, map, words));
    const ByteVector key = TRY(key_of(map, element));
    client::Transport* engine = TRY(session.engine());
    const Result<ByteVector> value = client::lookup(*engine, map.fd.number(), map.info, key);
    if (!value.ok()) {
        return value.error().code == Code::not_found
                   ? shown_as_absent(session, map, key)
                   : Error(value.error()).while_doing("lookup failed");
    }
    return show_element(session, map, key, *value);
}

Result<void> pop_element(Session& session, Words& words) {
    const OpenMap map = TRY(named_map(session, words));
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    const Result<ByteVector> value =
        client::lookup_and_delete(*engine, map.fd.number(), map.info, {});
    if (!value.ok()) {
        return value.error().code == Code::not_found
                   ? shown_as_absent(session, map, {})
                   : Error(value.error()).while_doing("pop failed");
    }
    return show_element(session, map, {}, *value);
}

Result<void> update_element(Session& session, Words& words) {
    const OpenMap map = TRY(named_map(session, words));
    Element element = TRY(read_element(session, map, words));
    const ByteVector key = TRY(key_of(map, element));
    if (!element.value.has_value()) {
        return fail(Code::invalid_input, "did not find value");
    }
    client::Transport* engine = TRY(session.engine());
    TRY_WHILE("update failed",
              client::update(*engine, map.fd.number(), key, *element.value, element.flags));
    return {};
}

Result<void> push_element(Session& session, Words& words) { return update_element(session, words); }

Result<void> delete_element(Session& session, Words& words) {
    const OpenMap map = TRY(named_map(session, words));
    Element element = TRY(read_element(session, map, words));
    const ByteVector key = TRY(key_of(map, element));
    client::Transport* engine = TRY(session.engine());
    TRY_WHILE("delete failed", client::erase(*engine, map.fd.number(), key));
    return {};
}

Result<void> next_element(Session& session, Words& words) {
    const OpenMap map = TRY(named_map(session, words));
    const Element element = TRY(read_element(session, map, words));
    std::optional<Bytes> key;
    if (element.key.has_value()) {
        key = *element.key;
    }
    client::Transport* engine = TRY(session.engine());
    const ByteVector next =
        TRY_WHILE("can't get next key", client::next_key(*engine, map.fd.number(), map.info, key));
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->name("key");
        if (key.has_value()) {
            json->hex_bytes(*key);
        } else {
            json->null();
        }
        json->name("next_key");
        json->hex_bytes(next);
        json->end_object();
    } else {
        session.print("key:{}\nnext key:\n{}\n", key.has_value() ? "\n" + hex_text(*key) : " None",
                      hex_text(next));
    }
    return {};
}

} // namespace skep::app
