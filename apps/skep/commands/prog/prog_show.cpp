// SPDX-License-Identifier: Apache-2.0
//
// skep prog show, list.
#include "apps/skep/commands/prog/prog.hpp"
#include "apps/skep/objects.hpp"
#include "skep/observe/object_views.hpp"

namespace skep::app {

namespace {

using PinTable = std::map<std::uint32_t, std::vector<std::string>>;

Result<observe::View> view_of(Session& session, int fd, const std::optional<PinTable>& pins) {
    client::Transport* engine = TRY(session.engine());
    const client::ProgramRecord record =
        TRY(client::info_of_program(*engine, fd, client::ProgramParts::maps));
    const std::uint64_t memlock_bytes = TRY(engine->fd_facts(fd)).memlock;
    observe::ProgramShown shown{.info = record.info,
                                .map_ids = record.map_ids,
                                .memlock_bytes = memlock_bytes,
                                .loaded_at_s = calendar_seconds(record.info.load_time),
                                .pins = {}};
    if (pins.has_value()) {
        const auto at = pins->find(record.info.id);
        shown.pins = at == pins->end() ? std::vector<std::string>() : at->second;
    }
    return observe::program_view(shown);
}

Result<void> show_all(Session& session, const std::vector<os::Fd>& programs,
                      const std::optional<PinTable>& pins) {
    for (const os::Fd& program : programs) {
        const observe::View view = TRY(view_of(session, program.number(), pins));
        if (session.json() != nullptr) {
            observe::print_json(*session.json(), view);
        } else {
            observe::print_text(session.out(), view);
        }
    }
    return {};
}

// All that are loaded; one that goes away while we look is left out.
Result<void> list_programs(Session& session, const std::optional<PinTable>& pins) {
    client::Transport* engine = TRY(session.engine());
    if (session.json() != nullptr) {
        session.json()->begin_array();
    }
    const std::vector<std::uint32_t> ids =
        TRY(client::all_ids(*engine, client::ObjectKind::program));
    for (const std::uint32_t id : ids) {
        Result<os::Fd> fd = client::open_id(*engine, client::ObjectKind::program, id);
        if (!fd.ok() && fd.error().code == Code::not_found) {
            continue;
        }
        std::vector<os::Fd> one;
        one.push_back(TRY(std::move(fd)));
        TRY(show_all(session, one, pins));
    }
    if (session.json() != nullptr) {
        session.json()->end_array();
    }
    return {};
}

} // namespace

Result<void> show_programs(Session& session, Words& words) {
    client::Transport* engine = TRY(session.engine());
    std::optional<PinTable> pins;
    if (session.options().bpffs) {
        pins = TRY(find_pins(*engine, client::ObjectKind::program));
    }
    if (words.at_end()) {
        return list_programs(session, pins);
    }
    const Found found = TRY(find_programs(session, words));
    TRY(words.expect_end());
    const bool is_array = session.json() != nullptr && found.objects.size() > 1;
    if (is_array) {
        session.json()->begin_array();
    }
    TRY(show_all(session, found.objects, pins));
    if (is_array) {
        session.json()->end_array();
    }
    return {};
}

} // namespace skep::app
