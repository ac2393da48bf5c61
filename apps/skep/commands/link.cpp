// SPDX-License-Identifier: Apache-2.0
//
// skep link: attachments that are objects.
#include "apps/skep/command_table.hpp"
#include "apps/skep/commands/device_words.hpp"
#include "apps/skep/objects.hpp"
#include "skep/observe/object_views.hpp"

namespace skep::app {

namespace {

using PinTable = std::map<std::uint32_t, std::vector<std::string>>;

Result<void> show_link(Session& session, const os::Fd& fd, const std::optional<PinTable>& pins) {
    client::Transport* engine = TRY(session.engine());
    const client::LinkRecord record = TRY(client::info_of_link(*engine, fd.number()));
    observe::LinkShown shown{.info = record.info, .target = record.text, .pins = {}};
    if (pins.has_value() && pins->count(record.info.id) != 0) {
        shown.pins = pins->at(record.info.id);
    }
    const observe::View view = observe::link_view(shown);
    if (session.json() != nullptr) {
        observe::print_json(*session.json(), view);
    } else {
        observe::print_text(session.out(), view);
    }
    return {};
}

Result<void> show_links(Session& session, Words& words) {
    client::Transport* engine = TRY(session.engine());
    std::optional<PinTable> pins;
    if (session.options().bpffs) {
        pins = TRY(find_pins(*engine, client::ObjectKind::link));
    }
    if (!words.at_end()) {
        const os::Fd link = TRY(find_link(session, words));
        TRY(words.expect_end());
        return show_link(session, link, pins);
    }
    if (session.json() != nullptr) {
        session.json()->begin_array();
    }
    const std::vector<std::uint32_t> ids = TRY(client::all_ids(*engine, client::ObjectKind::link));
    for (const std::uint32_t id : ids) {
        const Result<os::Fd> link = client::open_id(*engine, client::ObjectKind::link, id);
        if (link.ok()) { // else it went away meanwhile
            TRY(show_link(session, *link, pins));
        }
    }
    if (session.json() != nullptr) {
        session.json()->end_array();
    }
    return {};
}

Result<void> pin_link(Session& session, Words& words) {
    const os::Fd link = TRY(find_link(session, words));
    return pin_object(session, link, words);
}

Result<void> detach_link(Session& session, Words& words) {
    const os::Fd link = TRY(find_link(session, words));
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    return client::detach_link(*engine, link.number());
}

// `link update LINK PROG`
Result<void> update_link(Session& session, Words& words) {
    const os::Fd link = TRY(find_link(session, words));
    const os::Fd program = TRY(find_program(session, words));
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    return client::update_link(*engine, link.number(), program.number());
}

// `link create FILE xdp PROG dev DEVICE`: the pin is what keeps it.
Result<void> create_link(Session& session, Words& words) {
    const std::string typed = TRY(words.value("the path to pin at"));
    const AttachMode row = TRY(read_attach_mode(words));
    const os::Fd program = TRY(find_program(session, words));
    const std::string device = TRY(read_device(words));
    TRY(words.expect_end());
    const std::string path = TRY(path_for_pin(session, typed));
    client::Transport* engine = TRY(session.engine());
    const Result<os::Fd> link = engine->xdp_link(device, program.number(), row.mode);
    if (!link.ok()) {
        Error error = failed_at_device(row.name, "link create", link.error());
        error.message += error.code == Code::invalid_input ? type_advice(*engine, program) : "";
        return error;
    }
    return client::pin(*engine, link->number(), path);
}

} // namespace

const Noun& link_noun() {
    // clang-format off
    static constexpr std::array rows{
        Verb{"show|list", "[LINK]", "lists links, or shows one", show_links, 0, Status::errno_number},
        Verb{"pin", "LINK FILE", "gives a link a path that keeps it attached", pin_link, 0, Status::errno_number},
        Verb{"detach", "LINK", "detaches a link at once, whoever holds it", detach_link, 0, Status::one},
        Verb{"create", "FILE XDP_ATTACH PROG dev DEVICE", "attaches a program to a device by a link, and pins it", create_link, 5, Status::errno_number},
        Verb{"update", "LINK PROG", "puts another program into a link, without a gap", update_link, 2, Status::errno_number},
    };
    // clang-format on
    static constexpr Noun noun{
        .name = "link", .says = "Attachments that are objects.", .verbs = rows};
    return noun;
}

} // namespace skep::app
