// SPDX-License-Identifier: Apache-2.0
//
// skep net: programs at network devices, or on the user engine at ports (captures, TAPs,
// interfaces).
#include <cerrno>

#include "apps/skep/command_table.hpp"
#include "apps/skep/commands/device_words.hpp"
#include "apps/skep/objects.hpp"
#include "skep/observe/object_views.hpp"
#include "skep/observe/view.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

using observe::View;

Result<void> attach(Session& session, Words& words) {
    const AttachMode row = TRY(read_attach_mode(words));
    Result<os::Fd> found = find_program(session, words);
    if (!found.ok()) {
        constexpr int kInvalid = 22; // whatever was wrong with it, the words were
        return Error{Code::invalid_input, kInvalid, found.error().message};
    }
    const os::Fd program = std::move(*found);
    const std::string device = TRY(read_device(words));
    const client::Replace replace =
        words.take_keyword("overwrite") ? client::Replace::yes : client::Replace::no;
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    Result<void> attached = engine->xdp_attach(device, program.number(), row.mode, replace);
    if (!attached.ok()) {
        Error error = failed_at_device(row.name, "attach", std::move(attached).error());
        error.message += error.code == Code::invalid_input ? type_advice(*engine, program) : "";
        return error;
    }
    return {};
}

Result<void> detach(Session& session, Words& words) {
    const AttachMode row = TRY(read_attach_mode(words));
    const std::string device = TRY(read_device(words));
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    Result<void> detached = engine->xdp_detach(device, row.mode);
    const bool is_interface = device.find(':') == std::string::npos;
    if (!detached.ok() && errno_of(detached.error()) == ENOENT && is_interface) {
        session.remark("{}", detached.error().message); // done already, as bpftool has it
        return {};
    }
    if (!detached.ok()) {
        return failed_at_device(row.name, "detach", std::move(detached).error());
    }
    return {};
}

constexpr std::array<std::string_view, 5> kActions{"aborted", "drop", "pass", "tx", "redirect"};

View view_of(const client::NetAttachment& attachment) {
    View view;
    const std::string place = attachment.ifindex != 0
                                  ? fmt::format("{}({})", attachment.device, attachment.ifindex)
                                  : attachment.device;
    view.push_back({"devname", attachment.device, place});
    view.push_back(
        {attachment.ifindex != 0 ? "ifindex" : "", std::uint64_t{attachment.ifindex}, ""});
    view.push_back({"mode", attachment.kind, " " + attachment.kind});
    view.push_back(
        {"id", std::uint64_t{attachment.prog_id}, fmt::format(" id {}", attachment.prog_id)});
    if (!attachment.enforced) {
        view.push_back({"enforced", false, "  verdicts counted, not enforced"});
    }
    if (!attachment.state.empty()) {
        view.push_back({"state", attachment.state, "  " + attachment.state});
    }
    for (std::size_t at = 0; at < attachment.verdicts.size() && at < kActions.size(); ++at) {
        const std::uint64_t count = attachment.verdicts[at];
        view.push_back({kActions[at], count,
                        fmt::format("{}{} {}", at == 0 ? "\n\t" : "  ", kActions[at], count)});
    }
    if (attachment.no_redirect_target != 0) {
        view.push_back({"no_redirect_target", attachment.no_redirect_target,
                        fmt::format(" ({} named no port)", attachment.no_redirect_target)});
    }
    view.push_back({"", {}, "\n"});
    return view;
}

View view_of(const client::TcAttachment& attachment) {
    return {{"devname", attachment.device,
             fmt::format("{}({})", attachment.device, attachment.ifindex)},
            {"ifindex", std::uint64_t{attachment.ifindex}, ""},
            {"kind", attachment.kind, " " + attachment.kind},
            {"name", attachment.name, " " + attachment.name},
            {"id", std::uint64_t{attachment.prog_id}, fmt::format(" id {}", attachment.prog_id)},
            {"", {}, "\n"}};
}

// The flow dissector of this network namespace; none where the engine has none.
std::vector<View> flow_dissectors(client::Transport& engine) {
    std::vector<View> views;
    const Result<os::Fd> space = os::open_to_read("/proc/self/ns/net");
    if (engine.engine() != client::EngineKind::kernel || !space.ok()) {
        return views;
    }
    const Result<std::vector<std::uint32_t>> ids =
        client::query(engine, space->number(), spec::AttachType::flow_dissector);
    for (const std::uint32_t id : ids.ok() ? *ids : std::vector<std::uint32_t>()) {
        views.push_back({{"id", std::uint64_t{id}, fmt::format("id {}", id)}, {"", {}, "\n"}});
    }
    return views;
}

void show_section(Session& session, std::string_view name, const std::vector<View>& views) {
    if (observe::JsonWriter* json = session.json()) {
        json->begin_array(name);
        for (const View& view : views) {
            observe::print_json(*json, view);
        }
        json->end_array();
        return;
    }
    session.print("{}:\n", name);
    for (const View& view : views) {
        observe::print_text(session.out(), view);
    }
    session.print("\n");
}

template <class Attachment>
std::vector<View> views_of(const std::vector<Attachment>& attachments) {
    std::vector<View> views;
    views.reserve(attachments.size());
    for (const Attachment& attachment : attachments) {
        views.push_back(view_of(attachment));
    }
    return views;
}

Result<void> list(Session& session, Words& words) {
    std::optional<std::string> device;
    if (!words.at_end()) {
        device = TRY(read_device(words));
        TRY(words.expect_end());
    }
    client::Transport* engine = TRY(session.engine());
    const std::vector<View> xdp = views_of(TRY(engine->xdp_list(device)));
    const std::vector<View> tc = views_of(TRY(engine->tc_list(device)));
    const std::vector<View> dissectors = flow_dissectors(*engine);
    if (session.json() != nullptr) {
        session.json()->begin_array();
        session.json()->begin_object();
    }
    show_section(session, "xdp", xdp);
    show_section(session, "tc", tc);
    show_section(session, "flow_dissector", dissectors);
    if (session.json() != nullptr) {
        session.json()->end_object();
        session.json()->end_array();
    }
    return {};
}

} // namespace

const Noun& net_noun() {
    // clang-format off
    static constexpr std::array rows{
        Verb{"show|list", "[dev DEVICE]", "lists programs at network devices and ports", list},
        Verb{"attach", "XDP_ATTACH PROG dev DEVICE [overwrite]", "puts an XDP program at a device", attach, 5, Status::errno_always},
        Verb{"detach", "XDP_ATTACH dev DEVICE", "takes the XDP program from a device", detach, 3, Status::errno_always},
    };
    // clang-format on
    static constexpr Noun noun{.name = "net",
                               .says = "Programs at network devices.",
                               .verbs = rows,
                               .note = "The user engine's devices: pcap:IN[,OUT] replays a "
                                       "capture, tap:NAME is a TAP, an interface's\n"
                                       "name observes it. Programs at cgroups, sockets and in tc "
                                       "are not attached by this command."};
    return noun;
}

} // namespace skep::app
