// SPDX-License-Identifier: Apache-2.0
//
// skep map: the table of its commands; show, create, pin and freeze. Elements: map_element,
// map_dump.
#include "apps/skep/commands/map/map.hpp"

#include "skep/observe/object_views.hpp"
#include "skep/os/net/net_device.hpp"

namespace skep::app {

namespace {

using PinTable = std::map<std::uint32_t, std::vector<std::string>>;

Result<void> show_map(Session& session, const os::Fd& fd, const std::optional<PinTable>& pins) {
    client::Transport* engine = TRY(session.engine());
    const abi::MapInfo info = TRY(client::info_of_map(*engine, fd.number()));
    const client::Transport::FdFacts facts = TRY(engine->fd_facts(fd.number()));
    observe::MapShown shown{.info = info,
                            .memlock_bytes = facts.memlock,
                            .is_frozen = facts.frozen,
                            .owner_program_type = facts.owner_program_type,
                            .owner_is_jited = facts.owner_is_jited,
                            .pins = {}};
    if (pins.has_value()) {
        const auto at = pins->find(info.id);
        shown.pins = at == pins->end() ? std::vector<std::string>() : at->second;
    }
    const observe::View view = observe::map_view(shown);
    if (session.json() != nullptr) {
        observe::print_json(*session.json(), view);
    } else {
        observe::print_text(session.out(), view);
    }
    return {};
}

Result<void> list_maps(Session& session, const std::optional<PinTable>& pins) {
    client::Transport* engine = TRY(session.engine());
    if (session.json() != nullptr) {
        session.json()->begin_array();
    }
    const std::vector<std::uint32_t> ids = TRY(client::all_ids(*engine, client::ObjectKind::map));
    for (const std::uint32_t id : ids) {
        Result<os::Fd> fd = client::open_id(*engine, client::ObjectKind::map, id);
        if (!fd.ok() && fd.error().code == Code::not_found) {
            continue; // it went away meanwhile
        }
        const os::Fd map = TRY(std::move(fd));
        TRY(show_map(session, map, pins));
    }
    if (session.json() != nullptr) {
        session.json()->end_array();
    }
    return {};
}

Result<void> pin_map(Session& session, Words& words) {
    const os::Fd map = TRY(find_map(session, words));
    return pin_object(session, map, words);
}

struct CreateRequest {
    std::string path;
    spec::MapSpec spec;
    os::Fd inner;
    std::uint32_t ifindex = 0;
};

Result<void> read_create_word(Session& session, Words& words, CreateRequest& request) {
    if (words.take_keyword("type")) {
        const std::string name = TRY(words.value("the type"));
        const std::optional<spec::MapType> type = spec::map_type_named(name);
        if (!type.has_value()) {
            return fail(Code::invalid_input, fmt::format("unrecognized map type: {}", name));
        }
        request.spec.type = *type;
    } else if (words.take_keyword("name")) {
        request.spec.name = TRY(words.value("the name"));
    } else if (words.take_keyword("key")) {
        request.spec.key_size_bytes = TRY(words.number<std::uint32_t>("key size"));
    } else if (words.take_keyword("value")) {
        request.spec.value_size_bytes = TRY(words.number<std::uint32_t>("value size"));
    } else if (words.take_keyword("entries")) {
        request.spec.max_entries = TRY(words.number<std::uint32_t>("max entries"));
    } else if (words.take_keyword("flags")) {
        request.spec.flags = TRY(words.number<std::uint32_t>("flags"));
    } else if (words.take_keyword("dev")) {
        request.ifindex = TRY(os::interface_index(words.take()));
    } else if (words.take_keyword("inner_map")) {
        request.inner = TRY(find_map(session, words));
    } else {
        return fail(Code::invalid_input, fmt::format("unknown arg {}", words.peek()));
    }
    return {};
}

} // namespace

Result<OpenMap> open_map(Session& session, os::Fd fd) {
    client::Transport* engine = TRY(session.engine());
    OpenMap map;
    map.fd = std::move(fd);
    map.info = TRY(client::info_of_map(*engine, map.fd.number()));
    if (map.info.btf_id != 0 && map.info.btf_value_type_id != 0 && !map.holds_maps() &&
        !map.holds_programs()) {
        const os::Fd btf = TRY(client::open_id(*engine, client::ObjectKind::btf, map.info.btf_id));
        const client::BtfRecord types =
            TRY(client::info_of_btf(*engine, btf.number(), client::BtfBytes::fetch));
        map.types = TRY_WHILE("the map's types", btf::Btf::parse(types.bytes));
    }
    return map;
}

Result<void> show_maps(Session& session, Words& words) {
    client::Transport* engine = TRY(session.engine());
    std::optional<PinTable> pins;
    if (session.options().bpffs) {
        pins = TRY(find_pins(*engine, client::ObjectKind::map));
    }
    if (words.at_end()) {
        return list_maps(session, pins);
    }
    const Found found = TRY(find_maps(session, words));
    TRY(words.expect_end());
    const bool is_array = session.json() != nullptr && found.objects.size() > 1;
    if (is_array) {
        session.json()->begin_array();
    }
    for (const os::Fd& map : found.objects) {
        TRY(show_map(session, map, pins));
    }
    if (is_array) {
        session.json()->end_array();
    }
    return {};
}

Result<void> create_map(Session& session, Words& words) {
    CreateRequest request;
    request.path = words.take();
    while (!words.at_end()) {
        TRY(read_create_word(session, words, request));
    }
    if (request.spec.name.empty()) {
        return fail(Code::invalid_input, "map name not specified");
    }
    const bool holds_maps = request.spec.type == spec::MapType::array_of_maps ||
                            request.spec.type == spec::MapType::hash_of_maps;
    client::Transport* engine = TRY(session.engine());
    const client::MapRequest attributes{.spec = &request.spec,
                                        .btf_fd = -1,
                                        .inner_fd =
                                            request.inner.is_open() ? request.inner.number() : -1,
                                        .ifindex = request.ifindex};
    Result<os::Fd> map = client::create_map(*engine, attributes);
    if (!map.ok()) {
        Error error = std::move(map).error();
        error.os_errno = 0; // this refusal alone ends with 255
        if (holds_maps && !request.inner.is_open()) {
            error.message +=
                "\na map of maps wants one like those that it will hold: inner_map MAP";
        }
        return error;
    }
    const std::string path = TRY(path_for_pin(session, request.path));
    return client::pin(*engine, map->number(), path);
}

Result<void> freeze_map(Session& session, Words& words) {
    const os::Fd map = TRY(find_map(session, words));
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    TRY_WHILE("failed to freeze map", client::freeze(*engine, map.number()));
    return {};
}

const Noun& map_noun() {
    // clang-format off
    static constexpr std::array rows{
        Verb{"show|list", "[MAP]", "lists maps, or shows those that are named", show_maps},
        Verb{"create", "FILE type TYPE key KEY_SIZE value VALUE_SIZE entries MAX_ENTRIES name NAME [flags FLAGS] [inner_map MAP] [dev DEVICE]",
             "makes a map and pins it", create_map, 7, Status::errno_number},
        Verb{"dump", "MAP", "prints all elements", dump_map, 2, Status::errno_number},
        Verb{"update", "MAP [key DATA] [value VALUE] [UPDATE_FLAGS]", "writes an element", update_element, 2, Status::errno_number},
        Verb{"lookup", "MAP [key DATA]", "prints an element", look_up_element, 2, Status::errno_number},
        Verb{"getnext", "MAP [key DATA]", "prints the key after a key, or the first", next_element, 2, Status::errno_number},
        Verb{"delete", "MAP key DATA", "removes an element", delete_element, 2, Status::errno_number},
        Verb{"pin", "MAP FILE", "gives a map a path that keeps it", pin_map, 3, Status::errno_number},
        Verb{"event_pipe", "", "", nullptr},
        Verb{"peek", "MAP", "prints the element at the front of a queue or the top of a stack", look_up_element, 2, Status::errno_number},
        Verb{"push", "MAP value VALUE", "puts an element on a stack", push_element, 2, Status::errno_number},
        Verb{"pop", "MAP", "takes an element from a stack and prints it", pop_element, 2, Status::errno_number},
        Verb{"enqueue", "MAP value VALUE", "puts an element into a queue", push_element, 2, Status::errno_number},
        Verb{"dequeue", "MAP", "takes an element from a queue and prints it", pop_element, 2, Status::errno_number},
        Verb{"freeze", "MAP", "forbids user space to write the map from now on", freeze_map, 2},
    };
    // clang-format on
    static constexpr Noun noun{
        .name = "map", .says = "The stores that programs share.", .verbs = rows};
    return noun;
}

} // namespace skep::app
