// SPDX-License-Identifier: Apache-2.0
//
// skep daemon: the user engine's daemon. It starts by itself and ends by itself; these are for a
// look at it, and for ending it at once.
#include "apps/skep/command_table.hpp"
#include "skep/client/daemon_control.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

Result<void> print_status(Session& session, Words& words) {
    TRY(words.expect_end());
    const auto status = TRY(client::daemon_status());
    observe::JsonWriter* json = session.json();
    if (!status) {
        if (json != nullptr) {
            json->begin_object();
            json->member("running", false);
            json->end_object();
        } else {
            session.print("no daemon runs; the first command that needs one starts it\n");
        }
        return {};
    }
    if (json == nullptr) {
        session.print("running  pid {}  up {}s\n\tprograms {}  maps {}  btf {}  links {}\n"
                      "\tpins {}  attachments {}  workers {}  clients {}\n",
                      status->pid, status->up_seconds, status->programs, status->maps,
                      status->types, status->links, status->pins, status->attachments,
                      status->workers, status->clients);
        return {};
    }
    json->begin_object();
    json->member("running", true);
    json->member("pid", status->pid);
    json->member("up_seconds", status->up_seconds);
    json->member("programs", status->programs);
    json->member("maps", status->maps);
    json->member("btf", status->types);
    json->member("links", status->links);
    json->member("pins", status->pins);
    json->member("attachments", status->attachments);
    json->member("workers", status->workers);
    json->member("clients", status->clients);
    json->end_object();
    return {};
}

Result<void> stop(Session& session, Words& words) {
    const bool force = words.take_keyword("force");
    TRY(words.expect_end());
    const auto stopped =
        client::stop_daemon(force ? client::Stop::always : client::Stop::when_empty);
    if (!stopped.ok()) {
        return fail(stopped.error().code,
                    stopped.error().message + "; end it all the same with: skep daemon stop force");
    }
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("stopped", *stopped);
        json->end_object();
    } else if (!*stopped) {
        session.print("no daemon runs\n");
    }
    return {};
}

Result<void> print_log(Session& session, Words& words) {
    TRY(words.expect_end());
    const std::string path = client::daemon_log_path();
    const auto text = os::read_file(path);
    const std::string log = text.ok() ? std::string(text->begin(), text->end()) : std::string();
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("path", std::string_view(path));
        json->member("log", std::string_view(log));
        json->end_object();
    } else {
        session.print("{}", log);
    }
    return {};
}

} // namespace

const Noun& daemon_noun() {
    static constexpr std::array rows{
        Verb{"status", "", "tells whether the daemon runs and what it holds", print_status},
        Verb{"stop", "[force]", "ends it, with force although something would be lost", stop},
        Verb{"log", "", "prints what the daemon had to say", print_log}};
    static constexpr Noun noun{
        .name = "daemon", .says = "The daemon of the user engine.", .verbs = rows};
    return noun;
}

} // namespace skep::app
