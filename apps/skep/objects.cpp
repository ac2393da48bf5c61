// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/objects.hpp"

#include <chrono>
#include <filesystem>

#include "apps/skep/help/suggest.hpp"

#include "skep/os/kernel/bpf_syscall.hpp"
#include "skep/os/machine.hpp"

namespace skep::app {

using client::ObjectKind;

namespace {

constexpr std::size_t kMaxPins = 1U << 16;

std::string_view word_for(ObjectKind kind) {
    switch (kind) {
    case ObjectKind::program:
        return "prog";
    case ObjectKind::map:
        return "map";
    case ObjectKind::link:
        return "link";
    case ObjectKind::btf:
        break;
    }
    return "btf";
}

Result<std::uint32_t> read_id(Words& words) {
    if (words.at_end()) {
        return fail(Code::invalid_input, "what is 'id'?");
    }
    return words.number<std::uint32_t>("ID");
}

// "what is 'id'?" is what the tool that people know answers; the noun is what they typed.
Result<std::string> read_value(Words& words, std::string_view keyword) {
    if (words.at_end()) {
        return fail(Code::invalid_input, fmt::format("what is '{}'?", keyword));
    }
    return words.take();
}

Result<os::Fd> open_pinned(Session& session, const std::string& typed, ObjectKind wanted) {
    client::Transport* engine = TRY(session.engine());
    const std::string path = TRY(engine->pin_path(typed));
    Result<os::Fd> fd = client::open_pin(*engine, path);
    if (!fd.ok()) {
        return std::move(fd).error();
    }
    const std::optional<ObjectKind> kind = TRY(client::kind_of(fd->number()));
    if (kind != wanted) {
        return fail(Code::invalid_input,
                    fmt::format("incorrect object type: {}",
                                kind.has_value() ? word_for(*kind) : "unknown"));
    }
    return fd;
}

// Opens every object of a kind for which `fits` says so. One that goes away meanwhile is no error.
template <class Fits>
Result<std::vector<os::Fd>> open_fitting(Session& session, ObjectKind kind, const Fits& fits) {
    client::Transport* engine = TRY(session.engine());
    std::vector<os::Fd> found;
    for (const std::uint32_t id : TRY(client::all_ids(*engine, kind))) {
        Result<os::Fd> fd = client::open_id(*engine, kind, id);
        if (!fd.ok() && fd.error().code == Code::not_found) {
            continue;
        }
        if (!fd.ok()) {
            return std::move(fd).error();
        }
        if (TRY(fits(*engine, *fd))) {
            found.push_back(std::move(*fd));
        }
    }
    return found;
}

constexpr std::size_t kNameChars = abi::kNameSize - 1;

// Both sides cut to what the engine keeps of a name, with a remark when that made a difference.
Result<std::string> read_name(Words& words) { return read_value(words, "name"); }

// Engines keep the first 15 letters of a name.
bool may_be_called(std::string_view kept, std::string_view name) {
    return kept == name.substr(0, kNameChars);
}

Result<std::vector<os::Fd>> programs_named(Session& session, const std::string& name) {
    std::vector<std::string> seen;
    const auto fits = [&](client::Transport& engine, const os::Fd& fd) -> Result<bool> {
        const client::ProgramRecord record =
            TRY(client::info_of_program(engine, fd.number(), client::ProgramParts::maps));
        seen.push_back(record.name());
        return may_be_called(record.name(), name);
    };
    std::vector<os::Fd> found = TRY(open_fitting(session, ObjectKind::program, fits));
    if (found.empty()) {
        return fail(Code::not_found,
                    fmt::format("no program is named '{}'{}", name, did_you_mean(name, seen)));
    }
    return found;
}

bool is_tag(std::string_view text) {
    return text.size() == std::size_t{2} * abi::kTagSize &&
           text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

Result<std::vector<os::Fd>> programs_tagged(Session& session, std::string tag) {
    if (!is_tag(tag)) {
        return fail(Code::invalid_input, "can't parse tag");
    }
    for (char& digit : tag) {
        digit = digit >= 'A' && digit <= 'F' ? static_cast<char>(digit - 'A' + 'a') : digit;
    }
    std::vector<std::string> seen;
    const auto fits = [&](client::Transport& engine, const os::Fd& fd) -> Result<bool> {
        const client::ProgramRecord record =
            TRY(client::info_of_program(engine, fd.number(), client::ProgramParts::maps));
        return record.tag() == tag;
    };
    std::vector<os::Fd> found = TRY(open_fitting(session, ObjectKind::program, fits));
    if (found.empty()) {
        return fail(Code::not_found, fmt::format("no program has the tag {}", tag));
    }
    return found;
}

Result<Found> only(os::Fd fd) {
    Found found;
    found.objects.push_back(std::move(fd));
    return found;
}

Result<std::vector<os::Fd>> maps_named(Session& session, const std::string& name) {
    std::vector<std::string> seen;
    const auto fits = [&](client::Transport& engine, const os::Fd& fd) -> Result<bool> {
        const abi::MapInfo info = TRY(client::info_of_map(engine, fd.number()));
        seen.emplace_back(client::text_of(info.name));
        return may_be_called(seen.back(), name);
    };
    std::vector<os::Fd> found = TRY(open_fitting(session, ObjectKind::map, fits));
    if (found.empty()) {
        return fail(Code::not_found,
                    fmt::format("no map is named '{}'{}", name, did_you_mean(name, seen)));
    }
    return found;
}

} // namespace

Result<Found> find_programs(Session& session, Words& words) {
    if (words.take_keyword("id")) {
        const std::uint32_t id = TRY(read_id(words));
        client::Transport* engine = TRY(session.engine());
        return only(TRY(client::open_id(*engine, ObjectKind::program, id)));
    }
    if (words.take_keyword("tag")) {
        const std::string tag = TRY(read_value(words, "tag"));
        return Found{Naming::all_that_fit, TRY(programs_tagged(session, tag))};
    }
    if (words.take_keyword("name")) {
        const std::string name = TRY(read_name(words));
        return Found{Naming::all_that_fit, TRY(programs_named(session, name))};
    }
    if (words.take_keyword("pinned")) {
        const std::string path = TRY(read_value(words, "pinned"));
        return only(TRY(open_pinned(session, path, ObjectKind::program)));
    }
    return fail(Code::invalid_input,
                fmt::format("expected 'id', 'tag', 'name' or 'pinned', got: {}?", words.shown()));
}

Result<Found> find_maps(Session& session, Words& words) {
    if (words.take_keyword("id")) {
        const std::uint32_t id = TRY(read_id(words));
        client::Transport* engine = TRY(session.engine());
        Result<os::Fd> fd = client::open_id(*engine, ObjectKind::map, id);
        if (!fd.ok()) {
            constexpr std::string_view kPhrase = "get by id";
            Error error = std::move(fd).error();
            if (error.message.starts_with(kPhrase)) {
                error.message.replace(0, kPhrase.size(), "get map by id");
            }
            return error;
        }
        return only(std::move(*fd));
    }
    if (words.take_keyword("name")) {
        const std::string name = TRY(read_name(words));
        return Found{Naming::all_that_fit, TRY(maps_named(session, name))};
    }
    if (words.take_keyword("pinned")) {
        const std::string path = TRY(read_value(words, "pinned"));
        return only(TRY(open_pinned(session, path, ObjectKind::map)));
    }
    return fail(Code::invalid_input,
                fmt::format("expected 'id', 'name' or 'pinned', got: {}?", words.shown()));
}

Result<os::Fd> find_program(Session& session, Words& words) {
    Found found = TRY(find_programs(session, words));
    if (found.objects.size() != 1) {
        return fail(Code::invalid_input, "several programs match this handle");
    }
    return std::move(found.objects.front());
}

Result<os::Fd> find_map(Session& session, Words& words) {
    Found found = TRY(find_maps(session, words));
    if (found.objects.size() != 1) {
        return fail(Code::invalid_input, "several maps match this handle");
    }
    return std::move(found.objects.front());
}

Result<os::Fd> find_link(Session& session, Words& words) {
    if (words.take_keyword("id")) {
        const std::uint32_t id = TRY(read_id(words));
        client::Transport* engine = TRY(session.engine());
        Result<os::Fd> fd = client::open_id(*engine, ObjectKind::link, id);
        if (!fd.ok()) {
            Error error = std::move(fd).error();
            const std::string phrase = fmt::format("get by id ({})", id);
            error.message.replace(0, phrase.size(),
                                  fmt::format("failed to get link with ID {}", id));
            return error;
        }
        return fd;
    }
    if (words.take_keyword("pinned")) {
        const std::string path = TRY(read_value(words, "pinned"));
        return open_pinned(session, path, ObjectKind::link);
    }
    return fail(Code::invalid_input,
                words.at_end() ? "link specifier is invalid or missing"
                               : fmt::format("expected 'id' or 'pinned', got: {}?", words.shown()));
}

Result<std::map<std::uint32_t, std::vector<std::string>>> find_pins(client::Transport& engine,
                                                                    ObjectKind kind) {
    std::map<std::uint32_t, std::vector<std::string>> pins;
    const std::string directory = TRY(engine.pin_directory());
    for (const std::string& path : os::files_below(directory, kMaxPins)) {
        // A file that is no pin, or whose object is gone, pins nothing.
        Result<os::Fd> fd = client::open_pin(engine, path);
        if (!fd.ok() || client::kind_of(fd->number()).value_or(std::nullopt) != kind) {
            continue;
        }
        std::uint32_t id = 0;
        if (kind == ObjectKind::program) {
            id = TRY(client::info_of_program(engine, fd->number(), client::ProgramParts::maps))
                     .info.id;
        } else if (kind == ObjectKind::map) {
            id = TRY(client::info_of_map(engine, fd->number())).id;
        } else {
            id = TRY(client::info_of_link(engine, fd->number())).info.id;
        }
        pins[id].push_back(path);
    }
    return pins;
}

Result<std::string> path_for_pin(Session& session, const std::string& typed) {
    client::Transport* engine = TRY(session.engine());
    std::string path = TRY(engine->pin_path(typed));
    if (engine->engine() != client::EngineKind::kernel) {
        return path;
    }
    const std::string parent = std::filesystem::path(path).parent_path().string();
    const std::string directory = parent.empty() ? "." : parent;
    Result<bool> is_bpffs = os::lies_in_bpffs(path);
    if (!is_bpffs.ok() || *is_bpffs) {
        return path; // when there is no such directory, pinning says so
    }
    if (session.options().no_mount) {
        return fail(Code::invalid_input,
                    "no BPF file system found, not mounting it due to --nomount option");
    }
    if (directory != "/sys/fs/bpf" && !TRY(os::is_empty_directory(directory))) {
        return fail(Code::invalid_input,
                    fmt::format("can't pin at {}: {} is no BPF file system\nmounting one there "
                                "would hide what is in "
                                "it; pin below /sys/fs/bpf",
                                path, directory));
    }
    TRY(os::mount_bpffs(directory));
    return path;
}

Result<void> pin_object(Session& session, const os::Fd& object, Words& words) {
    const std::string typed = TRY(words.value("the path to pin at"));
    TRY(words.expect_end());
    const std::string path = TRY(path_for_pin(session, typed));
    client::Transport* engine = TRY(session.engine());
    return client::pin(*engine, object.number(), path);
}

std::int64_t calendar_seconds(std::uint64_t since_boot_ns) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    const std::int64_t at_ns = now_ns - static_cast<std::int64_t>(os::boot_time_ns()) +
                               static_cast<std::int64_t>(since_boot_ns);
    return at_ns / 1'000'000'000;
}

} // namespace skep::app
