// SPDX-License-Identifier: Apache-2.0
//
// skep prog load, loadall: read the object, put its maps and programs into the engine, pin. When a
// step fails, what the steps before it made is gone again.
#include "apps/skep/commands/prog/prog.hpp"
#include "apps/skep/object_file.hpp"
#include "apps/skep/objects.hpp"
#include "skep/client/loading.hpp"
#include "skep/os/net/net_device.hpp"
#include "skep/spec/section_names.hpp"

namespace skep::app {

namespace {

enum class Which : std::uint8_t { first, all };

struct MapReuse {
    std::optional<std::uint32_t> index;
    std::string name; // when not by index
    os::Fd map;
};

struct Request {
    std::string file;
    std::string path;
    std::optional<spec::SectionNameMatch> type;
    std::string device;
    std::vector<MapReuse> reuses;
    std::optional<std::string> map_directory;
};

Result<MapReuse> read_reuse(Session& session, Words& words) {
    MapReuse reuse;
    if (words.take_keyword("idx")) {
        reuse.index = TRY(words.number<std::uint32_t>("idx"));
    } else if (words.take_keyword("name")) {
        reuse.name = TRY(words.value("the map's name in the object"));
    } else {
        return fail(Code::invalid_input,
                    fmt::format("expected 'idx' or 'name', got: {}?", words.shown()));
    }
    reuse.map = TRY(find_map(session, words));
    return reuse;
}

Result<Request> read_request(Session& session, Words& words) {
    Request request;
    request.file = words.take();
    request.path = words.take();
    while (!words.at_end()) {
        if (words.take_keyword("type")) {
            const std::string name = TRY(words.value("the type"));
            request.type = spec::match_section_name(name);
            if (!request.type.has_value()) {
                return fail(Code::invalid_input, fmt::format("unknown program type: '{}'", name));
            }
        } else if (words.take_keyword("map")) {
            request.reuses.push_back(TRY(read_reuse(session, words)));
        } else if (words.take_keyword("dev")) {
            request.device = TRY(words.value("the device"));
        } else if (words.take_keyword("pinmaps")) {
            request.map_directory = TRY(words.value("the directory"));
        } else {
            return fail(Code::invalid_input,
                        fmt::format("expected no more arguments, 'type', 'map' or 'dev', got: {}?",
                                    words.shown()));
        }
    }
    return request;
}

// What went wrong first, its reason on the next line: as people of this field know it.
Error explained(std::string_view what, Error error) {
    error.message = fmt::format("{}\n{}", what, error.message);
    return error;
}

Result<load::ObjectSpec> open_object(const Request& request) {
    load::Options options;
    if (request.type.has_value()) {
        options.type = request.type->row->type;
    }
    RunningKernel kernel;
    Result<load::ObjectSpec> object = read_object(request.file, options, kernel);
    if (!object.ok()) {
        return explained("failed to open object file", std::move(object).error());
    }
    if (object->programs.empty()) {
        return fail(Code::invalid_input, "object file doesn't contain any bpf program");
    }
    for (const load::ObjectProgram& program : object->programs) {
        if (program.autoload && program.error.has_value()) {
            return explained(
                "failed to open object file",
                Error(*program.error).while_doing(fmt::format("program '{}'", program.spec.name)));
        }
    }
    if (request.type.has_value()) {
        for (load::ObjectProgram& program : object->programs) {
            program.spec.type = request.type->row->type;
            program.spec.expected_attach_type = request.type->row->attach_type;
        }
    }
    return object;
}

Result<client::LoadRequest> load_request(Session& session, const Request& request,
                                         const load::ObjectSpec& object) {
    client::LoadRequest wanted;
    wanted.reused_maps.resize(object.maps.size());
    for (const MapReuse& reuse : request.reuses) {
        std::size_t place = reuse.index.value_or(0);
        if (!reuse.index.has_value()) {
            place = 0;
            while (place < object.maps.size() && object.maps[place].spec.name != reuse.name) {
                ++place;
            }
        }
        if (place >= object.maps.size()) {
            return fail(Code::not_found,
                        reuse.index.has_value()
                            ? fmt::format("map idx '{}' not found in object file", place)
                            : fmt::format("unable to find map '{}'", reuse.name));
        }
        wanted.reused_maps[place] = reuse.map.number();
    }
    if (!request.device.empty()) {
        const Result<std::uint32_t> index = os::interface_index(request.device);
        if (!index.ok()) {
            const Error error =
                error_from_errno(errno_of(index.error()),
                                 fmt::format("unrecognized netdevice '{}'", request.device));
            return fail(Code::invalid_input, error.message);
        }
        wanted.ifindex = *index;
    }
    constexpr std::uint32_t kEverything = 1 | 2 | 4;
    wanted.log_level = session.options().debug ? kEverything : 0;
    wanted.on_report = [&session](const client::LoadReport& report) {
        if (report.program.empty()) {
            session.remark("the types were refused and are left out: {}", report.log);
            return;
        }
        if (report.answer < 0) {
            session.remark(
                "prog '{}': {}", report.program,
                error_from_errno(static_cast<int>(-report.answer), "BPF program load failed")
                    .message);
        }
        if (!report.log.empty()) {
            session.remark("prog '{}': -- BEGIN PROG LOAD LOG --\n{}{}-- END PROG LOAD LOG --",
                           report.program, report.log, report.log.ends_with('\n') ? "" : "\n");
        }
    };
    return wanted;
}

Result<void> pin_programs(Session& session, const Request& request, Which which,
                          const client::LoadedObject& loaded, client::PinSet& pins) {
    client::Transport* engine = TRY(session.engine());
    const std::string path = TRY(path_for_pin(session, request.path));
    if (which == Which::first) {
        const client::LoadedProgram& first = loaded.programs.front();
        Result<void> pinned = pins.pin(*engine, first.fd.number(), path);
        if (!pinned.ok()) {
            return explained(fmt::format("failed to pin program {}", first.section),
                             std::move(pinned).error());
        }
        return {};
    }
    TRY_WHILE("failed to pin all programs", pins.make_directory(path));
    for (const client::LoadedProgram& program : loaded.programs) {
        Result<void> pinned =
            pins.pin(*engine, program.fd.number(), path + "/" + client::pin_name(program.name));
        if (!pinned.ok()) {
            return explained("failed to pin all programs", std::move(pinned).error());
        }
    }
    return {};
}

Result<void> pin_maps(Session& session, const Request& request, const client::LoadedObject& loaded,
                      client::PinSet& pins) {
    client::Transport* engine = TRY(session.engine());
    if (request.map_directory.has_value() && !loaded.maps.empty()) {
        const std::string directory = TRY(path_for_pin(session, *request.map_directory));
        TRY_WHILE("failed to pin all maps", pins.make_directory(directory));
        for (const client::LoadedMap& map : loaded.maps) {
            Result<void> pinned =
                pins.pin(*engine, map.fd.number(), directory + "/" + client::pin_name(map.name));
            if (!pinned.ok()) {
                return explained("failed to pin all maps", std::move(pinned).error());
            }
        }
    }
    const std::string top = TRY(engine->pin_directory());
    for (const client::LoadedMap& map : loaded.maps) {
        if (map.wants_pin && !map.is_reused && !request.map_directory.has_value()) {
            TRY_WHILE("failed to pin a map by its name",
                      pins.pin(*engine, map.fd.number(), top + "/" + map.name));
        }
    }
    return {};
}

Result<void> load(Session& session, Words& words, Which which) {
    const Request request = TRY(read_request(session, words));
    const load::ObjectSpec object = TRY(open_object(request));
    show_warnings(session, object);
    client::Transport* engine = TRY(session.engine());
    const client::LoadRequest wanted = TRY(load_request(session, request, object));
    Result<client::LoadedObject> loaded = client::load_into(*engine, object, wanted);
    if (!loaded.ok()) {
        return explained("failed to load object file", std::move(loaded).error());
    }
    if (loaded->programs.empty()) {
        return fail(Code::invalid_input, "no program of the object is to be loaded by itself");
    }
    client::PinSet pins;
    TRY(pin_programs(session, request, which, *loaded, pins));
    TRY(pin_maps(session, request, *loaded, pins));
    pins.keep();
    return {};
}

} // namespace

Result<void> load_first_program(Session& session, Words& words) {
    return load(session, words, Which::first);
}
Result<void> load_all_programs(Session& session, Words& words) {
    return load(session, words, Which::all);
}

} // namespace skep::app
