// SPDX-License-Identifier: Apache-2.0
//
// skep map dump, and how an element is printed.
//
// With BTF, plain text is the pretty JSON of the decoded keys and values alone; -j and -p also have
// the bytes. Elements are printed as they are read: other writers may add and remove some
// meanwhile, so the walk is bounded by a count and starts nothing anew.
#include <cerrno>

#include "apps/skep/commands/map/map.hpp"
#include "apps/skep/hex_dump.hpp"
#include "skep/observe/object_views.hpp"

namespace skep::app {

namespace {

constexpr std::size_t kShortElementBytes = 24; // fits on one line

std::size_t stride_of(const OpenMap& map) { return (std::size_t{map.info.value_size} + 7) / 8 * 8; }

// The part of a value that belongs to a CPU.
Bytes value_of_cpu(const OpenMap& map, Bytes value, std::size_t cpu) {
    const std::size_t stride = stride_of(map);
    return value.subspan(cpu * stride, map.info.value_size);
}

std::size_t cpu_count(const OpenMap& map, Bytes value) {
    const std::size_t stride = stride_of(map);
    return stride == 0 ? 0 : value.size() / stride;
}

class ElementPrinter {
  public:
    ElementPrinter(const OpenMap& map, observe::JsonWriter& json, ValueStyle style)
        : map_(map), json_(json), visitor_(json, style) {}

    // The members "key" and "value" or "values", by type.
    Result<void> decoded(Bytes key, Bytes value) {
        if (map_.info.btf_key_type_id != 0) {
            json_.name("key");
            TRY(btf::visit_value(*map_.types, map_.info.btf_key_type_id, key, visitor_));
        }
        if (!client::is_per_cpu(map_.type())) {
            json_.name("value");
            return btf::visit_value(*map_.types, map_.info.btf_value_type_id, value, visitor_);
        }
        json_.begin_array("values");
        for (std::size_t cpu = 0; cpu < cpu_count(map_, value); ++cpu) {
            json_.begin_object();
            json_.member("cpu", cpu);
            json_.name("value");
            TRY(btf::visit_value(*map_.types, map_.info.btf_value_type_id,
                                 value_of_cpu(map_, value, cpu), visitor_));
            json_.end_object();
        }
        json_.end_array();
        return {};
    }

    // The same as bytes.
    void bytes(Bytes key, Bytes value) {
        json_.name("key");
        json_.hex_bytes(key);
        if (!client::is_per_cpu(map_.type())) {
            json_.name("value");
            json_.hex_bytes(value);
            return;
        }
        json_.begin_array("values");
        for (std::size_t cpu = 0; cpu < cpu_count(map_, value); ++cpu) {
            json_.begin_object();
            json_.member("cpu", cpu);
            json_.name("value");
            json_.hex_bytes(value_of_cpu(map_, value, cpu));
            json_.end_object();
        }
        json_.end_array();
    }

  private:
    const OpenMap& map_;
    observe::JsonWriter& json_;
    ValuePrinter visitor_;
};

} // namespace

void print_element(Session& session, const OpenMap& map, Bytes key, Bytes value) {
    if (client::is_per_cpu(map.type())) {
        session.print("key:\n{}\n", hex_text(key));
        for (std::size_t cpu = 0; cpu < cpu_count(map, value); ++cpu) {
            session.print("value (CPU {:02}):{}{}\n", cpu, map.info.value_size > 16 ? "\n" : " ",
                          hex_text(value_of_cpu(map, value, cpu)));
        }
        return;
    }
    const bool is_short = key.size() + value.size() <= kShortElementBytes;
    if (!key.empty()) {
        session.print("key:{}{}{}", is_short ? " " : "\n", hex_text(key), is_short ? "  " : "\n");
    }
    session.print("value:{}{}\n", is_short ? " " : "\n", hex_text(value));
}

Result<void> write_element(observe::JsonWriter& json, const OpenMap& map, Bytes key, Bytes value,
                           ValueStyle style) {
    ElementPrinter printer(map, json, style);
    json.begin_object();
    if (style == ValueStyle::json) {
        printer.bytes(key, value);
    }
    if (map.types.has_value()) {
        if (style == ValueStyle::json) {
            json.begin_object("formatted");
        }
        TRY(printer.decoded(key, value));
        if (style == ValueStyle::json) {
            json.end_object();
        }
    }
    json.end_object();
    return {};
}

namespace {

// An element that has a key but no value that could be read.
void print_missing(Session& session, Bytes key, const Error& error, observe::JsonWriter* json) {
    const std::string why = error.message.substr(0, error.message.find('\n'));
    if (json != nullptr) {
        json->begin_object();
        json->name("key");
        json->hex_bytes(key);
        json->begin_object("value");
        json->member("error", std::string_view(why));
        json->end_object();
        json->end_object();
    } else if (error.code == Code::not_found) {
        session.print("key: {}  value: <no entry>\n", hex_text(key));
    } else {
        session.print("key:\n{}\nvalue:\n{}\n", hex_text(key), why);
    }
}

// How many elements were read; the walk's error when it did not reach the end.
struct Walk {
    std::size_t count = 0;
    std::optional<Error> error;
};

// A key, and the value or why there is none.
struct Element {
    Bytes key;
    Result<ByteVector> value;
};

// What one step of the walk came to, with a writer or without.
Result<void> show(Session& session, const OpenMap& map, const Element& found,
                  observe::JsonWriter* json, ValueStyle style) {
    if (!found.value.ok()) {
        print_missing(session, found.key, found.value.error(), json);
        return {};
    }
    if (json != nullptr) {
        return write_element(*json, map, found.key, *found.value, style);
    }
    print_element(session, map, found.key, *found.value);
    return {};
}

Result<Walk> walk(Session& session, const OpenMap& map, observe::JsonWriter* json,
                  ValueStyle style) {
    client::Transport* engine = TRY(session.engine());
    Walk done;
    ByteVector key;
    // Writers may add elements behind us for ever; twice the map's size is enough for one pass.
    const std::uint64_t limit = std::uint64_t{map.info.max_entries} * 2 + 1024;
    for (std::uint64_t step = 0; step < limit; ++step) {
        std::optional<Bytes> before;
        if (step != 0) {
            before = key;
        }
        Result<ByteVector> next = client::next_key(*engine, map.fd.number(), map.info, before);
        if (!next.ok()) {
            if (next.error().code != Code::not_found) {
                done.error = next.error();
            }
            break;
        }
        key = std::move(*next);
        const Element found{key, client::lookup(*engine, map.fd.number(), map.info, key)};
        done.count += found.value.ok() ? 1 : 0;
        const bool is_empty_slot = !found.value.ok() &&
                                   found.value.error().code == Code::not_found &&
                                   (map.holds_maps() || map.holds_programs());
        if (!is_empty_slot) { // which is no element
            TRY(show(session, map, found, json, style));
        }
    }
    return done;
}

// What to do instead, where a kind of map has no elements to walk over.
std::string_view instead_of_dump(spec::MapType type) {
    if (type == spec::MapType::queue || type == spec::MapType::stack) {
        return "\n'map peek' shows the next element, 'map pop' takes it";
    }
    if (type == spec::MapType::ringbuf || type == spec::MapType::user_ringbuf) {
        return "\nits records are for whoever maps it and consumes them";
    }
    if (type == spec::MapType::perf_event_array) {
        return "\nits records are for whoever opened its events";
    }
    return type == spec::MapType::bloom_filter
               ? "\nit keeps no elements: it answers whether a value may have been added"
               : "";
}

Error cannot_walk(const OpenMap& map, const Error& error) {
    const auto type = static_cast<spec::MapType>(map.info.type);
    const std::string_view advice = instead_of_dump(type);
    const std::string reason = advice.empty() ? ": " + error.message : std::string(advice);
    return {error.code, error.os_errno,
            fmt::format("a {} map cannot be dumped{}", observe::name_of_map_type(map.info.type),
                        reason)};
}

// Several maps are told apart by a heading.
Result<void> dump_one(Session& session, const OpenMap& map) {
    if (session.json() != nullptr) {
        session.json()->begin_array();
        const Walk done = TRY(walk(session, map, session.json(), ValueStyle::json));
        session.json()->end_array();
        if (done.error.has_value()) {
            session.remark("Error: {}", cannot_walk(map, *done.error).message);
            return already_reported(done.error->os_errno);
        }
        return {};
    }
    Walk done;
    if (map.types.has_value()) {
        observe::JsonWriter json(session.out(), observe::JsonLayout::pretty);
        json.begin_array();
        done = TRY(walk(session, map, &json, ValueStyle::plain));
        json.end_document();
    } else {
        done = TRY(walk(session, map, nullptr, ValueStyle::plain));
        session.print("Found {} element{}\n", done.count, done.count == 1 ? "" : "s");
    }
    if (done.error.has_value()) {
        return cannot_walk(map, *done.error);
    }
    return {};
}

} // namespace

Result<void> dump_map(Session& session, Words& words) {
    Found found = TRY(find_maps(session, words));
    TRY(words.expect_end());
    const bool is_array = session.json() != nullptr && found.objects.size() > 1;
    const bool is_named = found.objects.size() > 1;
    if (is_array) {
        session.json()->begin_array();
    }
    for (os::Fd& fd : found.objects) {
        const OpenMap map = TRY(open_map(session, std::move(fd)));
        if (is_named && session.json() == nullptr) {
            session.print("{}: {}  name {}\n", map.info.id,
                          observe::name_of_map_type(map.info.type), client::text_of(map.info.name));
        }
        TRY(dump_one(session, map));
    }
    if (is_array) {
        session.json()->end_array();
    }
    return {};
}

} // namespace skep::app
