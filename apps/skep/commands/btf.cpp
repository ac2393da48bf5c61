// SPDX-License-Identifier: Apache-2.0
//
// skep btf: types that are loaded, or in a file.
#include <algorithm>
#include <cerrno>

#include "apps/skep/command_table.hpp"
#include "apps/skep/objects.hpp"
#include "skep/btf/print/c_dump.hpp"
#include "skep/btf/print/raw_dump.hpp"
#include "skep/load/inspect.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";
constexpr const char* kModuleTypes = "/sys/kernel/btf/";

// ---- list

struct Users { // of types, by BTF id
    std::map<std::uint32_t, std::vector<std::uint32_t>> programs;
    std::map<std::uint32_t, std::vector<std::uint32_t>> maps;
};

Result<Users> find_users(client::Transport& engine) {
    Users users;
    for (const std::uint32_t id : TRY(client::all_ids(engine, client::ObjectKind::program))) {
        const Result<os::Fd> program = client::open_id(engine, client::ObjectKind::program, id);
        if (!program.ok()) { // it went away meanwhile
            continue;
        }
        const auto record =
            client::info_of_program(engine, program->number(), client::ProgramParts::maps);
        if (record.ok() && record->info.btf_id != 0) {
            users.programs[record->info.btf_id].push_back(id);
        }
    }
    for (const std::uint32_t id : TRY(client::all_ids(engine, client::ObjectKind::map))) {
        const Result<os::Fd> map = client::open_id(engine, client::ObjectKind::map, id);
        if (!map.ok()) {
            continue;
        }
        const auto info = client::info_of_map(engine, map->number());
        if (info.ok() && info->btf_id != 0) {
            users.maps[info->btf_id].push_back(id);
        }
    }
    return users;
}

std::string ids_text(std::string_view word, const std::vector<std::uint32_t>& ids) {
    return ids.empty() ? "" : fmt::format("  {} {}", word, fmt::join(ids, ","));
}

void print_record(Session& session, const client::BtfRecord& record, const Users& users) {
    static const std::vector<std::uint32_t> kNone;
    const auto programs = users.programs.find(record.id);
    const auto maps = users.maps.find(record.id);
    const auto& program_ids = programs == users.programs.end() ? kNone : programs->second;
    const auto& map_ids = maps == users.maps.end() ? kNone : maps->second;
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        json->member("id", record.id);
        json->member("size", record.size_bytes);
        json->begin_array("prog_ids");
        std::for_each(program_ids.begin(), program_ids.end(),
                      [json](std::uint32_t id) { json->value(id); });
        json->end_array();
        json->begin_array("map_ids");
        std::for_each(map_ids.begin(), map_ids.end(),
                      [json](std::uint32_t id) { json->value(id); });
        json->end_array();
        json->member("kernel", record.is_kernel);
        if (!record.name.empty()) {
            json->member("name", record.name);
        }
        json->end_object();
        return;
    }
    const std::string name = record.is_kernel      ? fmt::format("[{}]", record.name)
                             : record.name.empty() ? "<anon>"
                                                   : record.name;
    session.print("{}: name {}  size {}B{}{}\n", record.id, name, record.size_bytes,
                  ids_text("prog_ids", program_ids), ids_text("map_ids", map_ids));
}

Result<os::Fd> open_btf(Session& session, std::uint32_t id) {
    client::Transport* engine = TRY(session.engine());
    auto fd = client::open_id(*engine, client::ObjectKind::btf, id);
    if (!fd.ok()) {
        Error error = std::move(fd).error();
        error.message = fmt::format("can't get BTF object by id ({}): {}", id,
                                    error_from_errno(errno_of(error), "").message.substr(2));
        return error;
    }
    return fd;
}

Result<void> show_btf(Session& session, Words& words) {
    client::Transport* engine = TRY(session.engine());
    if (!words.at_end()) {
        if (!words.take_keyword("id")) {
            return fail(Code::invalid_input, fmt::format("expected 'id', got: {}?", words.shown()));
        }
        const auto id = TRY(words.number<std::uint32_t>("id"));
        TRY(words.expect_end());
        const os::Fd fd = TRY(open_btf(session, id));
        const client::BtfRecord record =
            TRY(client::info_of_btf(*engine, fd.number(), client::BtfBytes::leave));
        print_record(session, record, TRY(find_users(*engine)));
        return {};
    }
    const std::vector<std::uint32_t> ids = TRY(client::all_ids(*engine, client::ObjectKind::btf));
    const Users users = TRY(find_users(*engine));
    if (session.json() != nullptr) {
        session.json()->begin_array();
    }
    for (const std::uint32_t id : ids) {
        const Result<os::Fd> fd = client::open_id(*engine, client::ObjectKind::btf, id);
        if (fd.ok()) {
            print_record(session,
                         TRY(client::info_of_btf(*engine, fd->number(), client::BtfBytes::leave)),
                         users);
        }
    }
    if (session.json() != nullptr) {
        session.json()->end_array();
    }
    return {};
}

// ---- dump: where the types are

struct Source {
    std::optional<btf::Btf> types;
    std::vector<btf::TypeId> roots; // empty: all
};

Result<std::shared_ptr<const btf::Btf>> base_from_file(const std::string& path) {
    const ByteVector raw = TRY(os::read_file(path));
    return std::shared_ptr<const btf::Btf>(std::make_shared<btf::Btf>(TRY(btf::Btf::parse(raw))));
}

// Raw BTF, or an ELF file's section.
Result<btf::Btf> types_of_file(Session& session, const std::string& path) {
    const ByteVector file = TRY(os::read_file(path));
    std::shared_ptr<const btf::Btf> base;
    if (session.options().base_btf) {
        base = TRY_WHILE("base BTF", base_from_file(*session.options().base_btf));
    } else if (path.starts_with(kModuleTypes) && path != kKernelTypes) {
        base = TRY_WHILE("base BTF", base_from_file(kKernelTypes));
    }
    const bool is_elf =
        file.size() > 4 && file[0] == 0x7f && file[1] == 'E' && file[2] == 'L' && file[3] == 'F';
    if (!is_elf) {
        return btf::Btf::parse(file, base);
    }
    auto section = load::section_of_any_elf(file, ".BTF");
    if (!section.ok()) {
        Error error = std::move(section).error();
        return error.code == Code::not_found ? error_from_errno(errno_of(error), "") : error;
    }
    return btf::Btf::parse(*section, base);
}

Result<btf::Btf> types_of_id(Session& session, std::uint32_t id) {
    client::Transport* engine = TRY(session.engine());
    const os::Fd fd = TRY(open_btf(session, id));
    const client::BtfRecord record =
        TRY(client::info_of_btf(*engine, fd.number(), client::BtfBytes::fetch));
    std::shared_ptr<const btf::Btf> base;
    if (session.options().base_btf) {
        base = TRY_WHILE("base BTF", base_from_file(*session.options().base_btf));
    } else if (record.is_kernel && record.name != "vmlinux") {
        base = TRY_WHILE("base BTF", base_from_file(kKernelTypes));
    }
    return btf::Btf::parse(record.bytes, base);
}

Result<Source> source_of_map(Session& session, Words& words) {
    client::Transport* engine = TRY(session.engine());
    const os::Fd map = TRY(find_map(session, words));
    const abi::MapInfo info = TRY(client::info_of_map(*engine, map.number()));
    if (info.btf_id == 0) {
        return Error{Code::not_found, 0, fmt::format("map {} has no types", info.id)};
    }
    Source source;
    source.types = TRY(types_of_id(session, info.btf_id));
    const bool has_words = !words.at_end() && !words.next_is("format");
    if (!has_words || words.next_is("kv")) {
        source.roots = {info.btf_key_type_id, info.btf_value_type_id};
    } else if (words.next_is("key")) {
        source.roots = {info.btf_key_type_id};
    } else if (words.next_is("value")) {
        source.roots = {info.btf_value_type_id};
    } else if (!words.next_is("all")) {
        return fail(
            Code::invalid_input,
            fmt::format("expected one of: 'key', 'value', 'kv' or 'all', got: {}", words.shown()));
    }
    if (has_words) {
        words.take();
    }
    std::erase(source.roots, 0U);
    return source;
}

Result<Source> source_of_program(Session& session, Words& words) {
    client::Transport* engine = TRY(session.engine());
    const os::Fd program = TRY(find_program(session, words));
    const client::ProgramRecord record =
        TRY(client::info_of_program(*engine, program.number(), client::ProgramParts::maps));
    if (record.info.btf_id == 0) {
        return Error{Code::not_found, 0, fmt::format("program {} has no types", record.info.id)};
    }
    return Source{TRY(types_of_id(session, record.info.btf_id)), {}};
}

Result<Source> find_source(Session& session, Words& words) {
    if (words.take_keyword("id")) {
        const auto id = TRY(words.number<std::uint32_t>("id"));
        return Source{TRY(types_of_id(session, id)), {}};
    }
    if (words.take_keyword("map")) {
        return source_of_map(session, words);
    }
    if (words.take_keyword("prog")) {
        return source_of_program(session, words);
    }
    if (words.take_keyword("file")) {
        const std::string path = TRY(words.value("a file name"));
        auto types = types_of_file(session, path);
        if (!types.ok()) {
            Error error = std::move(types).error();
            const std::string why = error.os_errno != 0
                                        ? error_from_errno(error.os_errno, "").message.substr(2)
                                        : error.message;
            const std::string more =
                error.message.find(why) == std::string::npos ? "\n" + error.message : std::string();
            error.message = fmt::format("failed to load BTF from {}: {}{}", path, why, more);
            return error;
        }
        return Source{std::move(*types), {}};
    }
    return fail(Code::invalid_input,
                fmt::format("unrecognized BTF source specifier: {}", words.shown()));
}

// ---- dump: how they are shown

void print_fields(observe::JsonWriter& json, const std::vector<btf::RawField>& fields) {
    for (const btf::RawField& field : fields) {
        switch (field.is) {
        case btf::RawField::Is::number:
            json.member(field.name, field.number);
            break;
        case btf::RawField::Is::signed_number:
            json.member(field.name, static_cast<std::int64_t>(field.number));
            break;
        case btf::RawField::Is::text:
            json.member(field.name, std::string_view(field.text));
            break;
        }
    }
}

void print_record_json(observe::JsonWriter& json, const btf::RawRecord& record) {
    json.begin_object();
    json.member("id", record.id);
    json.member("kind", record.kind);
    json.member("name", std::string_view(record.name));
    print_fields(json, record.fields);
    if (!record.entries_name.empty()) {
        json.begin_array(record.entries_name);
        for (const btf::RawEntry& entry : record.entries) {
            json.begin_object();
            print_fields(json, entry.fields);
            json.end_object();
        }
        json.end_array();
    }
    json.end_object();
}

void print_types_json(observe::JsonWriter& json, const Source& source) {
    json.begin_object();
    json.begin_array("types");
    if (source.roots.empty()) {
        for (btf::TypeId id = source.types->first_own_id(); id < source.types->type_count(); ++id) {
            print_record_json(json, btf::raw_record(*source.types, id));
        }
    }
    for (const btf::TypeId id : source.roots) {
        if (source.types->has(id)) {
            print_record_json(json, btf::raw_record(*source.types, id));
        }
    }
    json.end_array();
    json.end_object();
}

enum class Format : std::uint8_t { raw, c };

Result<Format> read_format(Words& words) {
    if (words.at_end()) {
        return Format::raw;
    }
    if (!words.take_keyword("format")) {
        return fail(Code::invalid_input, fmt::format("unrecognized option: {}", words.shown()));
    }
    const std::string format = TRY(words.value("a format"));
    if (format != "raw" && format != "c") {
        return fail(
            Code::invalid_input,
            fmt::format("unrecognized format specifier: '{}', possible values: raw, c", format));
    }
    return format == "c" ? Format::c : Format::raw;
}

Result<void> dump_btf(Session& session, Words& words) {
    const Source source = TRY(find_source(session, words));
    const Format format = TRY(read_format(words));
    TRY(words.expect_end());
    if (session.json() != nullptr) {
        if (format == Format::c) {
            return Error{Code::unsupported, EOPNOTSUPP,
                         "JSON output for C-syntax dump is not supported"};
        }
        print_types_json(*session.json(), source);
        return {};
    }
    session.out().write(format == Format::c ? TRY(btf::c_header(*source.types, source.roots))
                                            : btf::raw_dump(*source.types, source.roots));
    return {};
}

} // namespace

const Noun& btf_noun() {
    // clang-format off
    static constexpr std::array rows{
        Verb{"show|list", "[id BTF_ID]", "lists loaded types, or shows one", show_btf, 0, Status::errno_number},
        Verb{"dump", "BTF_SRC [format FORMAT]", "prints types as they are, or as C", dump_btf, 0, Status::errno_always},
    };
    // clang-format on
    static constexpr Noun noun{
        .name = "btf", .says = "Types that programs and maps have.", .verbs = rows};
    return noun;
}

} // namespace skep::app
