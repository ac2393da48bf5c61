// SPDX-License-Identifier: Apache-2.0
//
// skep obj: what an object file holds, before anything is loaded.
//
// `show` says in a few lines what it is, as file(1) does, with its programs, maps and types. `dump`
// lists its code as llvm-objdump does (-S: with the C lines between), with relocations.
#include <algorithm>

#include "apps/skep/command_table.hpp"
#include "skep/bytecode/disassemble.hpp"
#include "skep/load/inspect.hpp"
#include "skep/observe/object_views.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

struct OpenObject {
    std::string file;
    load::Inspection inside;
    std::optional<load::ObjectSpec> spec; // nothing: it could not be read further
    std::string problem;                  // then: why
};

Result<OpenObject> open_object(const std::string& path) {
    const ByteVector bytes = TRY(os::read_file(path));
    OpenObject object;
    object.file = path;
    object.inside = TRY(load::inspect_object(bytes, path));
    auto spec = load::load_object(bytes, path, {});
    if (spec.ok()) {
        object.spec = std::move(*spec);
    } else {
        object.problem = spec.error().message;
    }
    return object;
}

std::string what_it_is(const OpenObject& object) {
    return fmt::format("ELF 64-bit LSB relocatable, eBPF, {}, {}, {}",
                       object.inside.types ? "with BTF" : "without BTF",
                       object.inside.has_debug_info ? "with debug_info" : "without debug_info",
                       object.inside.has_symbols ? "not stripped" : "stripped");
}

std::map<std::string_view, std::uint32_t> count_kinds(const btf::Btf& types) {
    std::map<std::string_view, std::uint32_t> counts;
    for (btf::TypeId id = types.first_own_id(); id < types.type_count(); ++id) {
        ++counts[btf::kind_word(types.type(id).kind)];
    }
    return counts;
}

// ---- show

void show_programs_text(Session& session, const load::ObjectSpec& spec) {
    session.print("programs: {}\n", spec.programs.size());
    for (const load::ObjectProgram& program : spec.programs) {
        session.print("  {}  section {}  type {}  insns {}{}\n", program.spec.name,
                      program.spec.section,
                      observe::name_of_program_type(static_cast<std::uint32_t>(program.spec.type)),
                      program.spec.insns.size(), program.autoload ? "" : "  not loaded by itself");
        if (program.error) {
            session.print("    cannot be loaded as it is: {}\n", program.error->message);
        }
    }
}

std::string entries_text(const spec::MapSpec& map) {
    return map.max_entries == 0 ? std::string() : fmt::format("  max_entries {}", map.max_entries);
}

void show_maps_text(Session& session, const load::ObjectSpec& spec) {
    session.print("maps: {}\n", spec.maps.size());
    for (const load::ObjectMap& map : spec.maps) {
        session.print(
            "  {}  section {}  type {}  key {}B  value {}B{}  flags {:#x}{}\n", map.spec.name,
            map.section, observe::name_of_map_type(static_cast<std::uint32_t>(map.spec.type)),
            map.spec.key_size_bytes, map.spec.value_size_bytes, entries_text(map.spec),
            map.spec.flags, map.pinning == load::Pinning::by_name ? "  pinned by name" : "");
        for (const load::InitialSlot& slot : map.initial_slots) {
            const bool programs = map.spec.type == spec::MapType::prog_array ||
                                  map.spec.type == spec::MapType::struct_ops;
            session.print("    [{}] = {}\n", slot.index,
                          programs ? spec.programs[slot.target].spec.name
                                   : spec.maps[slot.target].spec.name);
        }
    }
}

void show_text(Session& session, const OpenObject& object) {
    session.print("{}: {}\n", object.file, what_it_is(object));
    if (!object.spec) {
        session.print("cannot be loaded: {}\n", object.problem);
        return;
    }
    session.print("license: {}\n", object.spec->license.empty() ? "none" : object.spec->license);
    show_programs_text(session, *object.spec);
    show_maps_text(session, *object.spec);
    if (object.inside.types) {
        std::vector<std::string> words;
        for (const auto& [kind, count] : count_kinds(*object.inside.types)) {
            words.push_back(fmt::format("{} {}", count, kind));
        }
        session.print("types: {} ({})\n", object.inside.types->type_count() - 1,
                      fmt::join(words, ", "));
    }
    for (const std::string& warning : object.spec->warnings) {
        session.print("note: {}\n", warning);
    }
}

void show_programs_json(observe::JsonWriter& json, const load::ObjectSpec& spec) {
    json.begin_array("programs");
    for (const load::ObjectProgram& program : spec.programs) {
        json.begin_object();
        json.member("name", program.spec.name);
        json.member("section", program.spec.section);
        json.member("type",
                    observe::name_of_program_type(static_cast<std::uint32_t>(program.spec.type)));
        json.member("expected_attach_type", program.spec.expected_attach_type);
        json.member("insns", program.spec.insns.size());
        json.member("autoload", program.autoload);
        if (program.error) {
            json.member("error", program.error->message);
        }
        json.end_object();
    }
    json.end_array();
}

void show_maps_json(observe::JsonWriter& json, const load::ObjectSpec& spec) {
    json.begin_array("maps");
    for (const load::ObjectMap& map : spec.maps) {
        json.begin_object();
        json.member("name", map.spec.name);
        json.member("section", map.section);
        json.member("type", observe::name_of_map_type(static_cast<std::uint32_t>(map.spec.type)));
        json.member("bytes_key", map.spec.key_size_bytes);
        json.member("bytes_value", map.spec.value_size_bytes);
        json.member("max_entries", map.spec.max_entries);
        json.member("flags", map.spec.flags);
        json.member("pinning", static_cast<std::uint32_t>(map.pinning));
        json.begin_array("initial_slots");
        for (const load::InitialSlot& slot : map.initial_slots) {
            json.begin_object();
            json.member("index", slot.index);
            json.member("target", slot.target);
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
    json.end_array();
}

// The members of an object that is open.
void show_json(observe::JsonWriter& json, const OpenObject& object) {
    json.member("file", object.file);
    json.member("what", what_it_is(object));
    if (!object.spec) {
        json.member("error", object.problem);
        return;
    }
    json.member("license", object.spec->license);
    show_programs_json(json, *object.spec);
    show_maps_json(json, *object.spec);
    if (object.inside.types) {
        json.begin_object("types");
        for (const auto& [kind, count] : count_kinds(*object.inside.types)) {
            json.member(kind, count);
        }
        json.end_object();
    }
    json.begin_array("warnings");
    for (const std::string& warning : object.spec->warnings) {
        json.value(warning);
    }
    json.end_array();
}

Result<void> show_object(Session& session, Words& words) {
    const std::string path = TRY(words.value("an object file"));
    const OpenObject object = TRY(open_object(path));
    TRY(words.expect_end());
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        show_json(*json, object);
        json->end_object();
    } else {
        show_text(session, object);
    }
    return {};
}

// ---- dump

enum class Lines : std::uint8_t { hide, show };

// One instruction as the listing needs it.
struct DumpedInsn {
    std::uint32_t index = 0;
    std::uint32_t slots = 1;
    std::string bytes;
    std::string text;
};

DumpedInsn dump_insn(const load::InspectedSection& section, std::uint32_t at, const Names& names) {
    DumpedInsn dumped{.index = at, .slots = 1, .bytes = {}, .text = {}};
    const auto decoded = decode(section.insns, InsnIndex(at));
    const Insn* insn = std::get_if<Insn>(&decoded);
    dumped.slots = insn != nullptr ? insn->slots() : 1;
    dumped.bytes = opcode_bytes(std::span(section.insns).subspan(at, dumped.slots));
    dumped.text = insn != nullptr
                      ? disassemble(*insn, InsnIndex(at), Dialect::llvm, names)
                      : fmt::format("<unknown: {}>", std::get<DecodeError>(decoded).message);
    return dumped;
}

// Walks a section's instructions and what stands between them.
class SectionDump {
  public:
    SectionDump(Session& session, const OpenObject& object, const load::InspectedSection& section,
                Lines lines)
        : session_(session), object_(object), section_(section), lines_(lines) {}

    void text() {
        session_.print("\nDisassembly of section {}:\n", section_.name);
        walk([this](const DumpedInsn& insn) { insn_text(insn); });
    }

    void json(observe::JsonWriter& json) {
        json.begin_object();
        json.member("section", section_.name);
        json.begin_array("insns");
        walk([this, &json](const DumpedInsn& insn) { insn_json(json, insn); });
        json.end_array();
        json.end_object();
    }

  private:
    template <class Show>
    void walk(Show show) {
        for (std::uint32_t at = 0; at < section_.insns.size();) {
            const DumpedInsn insn = dump_insn(section_, at, {});
            show(insn);
            at += insn.slots;
        }
    }

    const load::InspectedFunction* function_at(std::uint32_t at) {
        while (next_function_ < section_.functions.size() &&
               section_.functions[next_function_].first_insn < at) {
            ++next_function_;
        }
        const bool here = next_function_ < section_.functions.size() &&
                          section_.functions[next_function_].first_insn == at;
        return here ? &section_.functions[next_function_] : nullptr;
    }

    const LineInfo* line_at(std::uint32_t at) {
        const LineInfo* found = nullptr;
        for (; next_line_ < section_.lines.size() && section_.lines[next_line_].insn.value <= at;
             ++next_line_) {
            found =
                section_.lines[next_line_].insn.value == at ? &section_.lines[next_line_] : found;
        }
        return found;
    }

    std::string words_of(std::uint32_t offset) const {
        return object_.inside.types ? std::string(object_.inside.types->text(offset).value_or(""))
                                    : std::string();
    }

    template <class Take>
    void relocations_of(const DumpedInsn& insn, Take take) {
        for (; next_relocation_ < section_.relocations.size() &&
               section_.relocations[next_relocation_].insn < insn.index + insn.slots;
             ++next_relocation_) {
            if (section_.relocations[next_relocation_].insn >= insn.index) {
                take(section_.relocations[next_relocation_]);
            }
        }
    }

    void insn_text(const DumpedInsn& insn) {
        if (const auto* function = function_at(insn.index)) {
            session_.print("\n{:016x} <{}>:\n", std::uint64_t{insn.index} * 8, function->name);
            shown_line_ = 0;
        }
        const LineInfo* line = line_at(insn.index);
        if (line != nullptr && lines_ == Lines::show) {
            print_source(*line);
        }
        session_.print("{:8}:\t{}\t{}\n", insn.index, insn.bytes, insn.text);
        relocations_of(insn, [this, &insn](const load::InspectedRelocation& relocation) {
            session_.print("\t\t{:016x}:  {}\t{}\n", std::uint64_t{insn.index} * 8, relocation.kind,
                           relocation.symbol);
        });
    }

    // A line is printed once for the expressions that follow one another in it.
    void print_source(const LineInfo& line) {
        if (shown_line_ != line.line() || shown_file_ != line.file_name_offset) {
            session_.print("; {}\n", words_of(line.line_offset));
        }
        shown_line_ = line.line();
        shown_file_ = line.file_name_offset;
    }

    void insn_json(observe::JsonWriter& json, const DumpedInsn& insn) {
        json.begin_object();
        if (const auto* function = function_at(insn.index)) {
            json.member("function", function->name);
        }
        const LineInfo* line = line_at(insn.index);
        if (line != nullptr && lines_ == Lines::show) {
            json.member("src", words_of(line->line_offset));
            json.member("file", words_of(line->file_name_offset));
            json.member("line", line->line());
            json.member("column", line->column());
        }
        json.member("insn", insn.index);
        json.member("bytes", insn.bytes);
        json.member("disasm", insn.text);
        relocations_of(insn, [&json](const load::InspectedRelocation& relocation) {
            json.member("relocation", relocation.kind);
            json.member("symbol", relocation.symbol);
        });
        json.end_object();
    }

    Session& session_;
    const OpenObject& object_;
    const load::InspectedSection& section_;
    Lines lines_;
    std::uint32_t shown_line_ = 0;
    std::uint32_t shown_file_ = 0;
    std::size_t next_function_ = 0;
    std::size_t next_line_ = 0;
    std::size_t next_relocation_ = 0;
};

Result<void> dump_object(Session& session, Words& words) {
    std::string path;
    Lines lines = Lines::hide;
    while (!words.at_end()) {
        const std::string word = words.take();
        if (word == "-S" || word == "--source") {
            lines = Lines::show;
        } else if (path.empty() && !word.starts_with("-")) {
            path = word;
        } else {
            return fail(Code::invalid_input, fmt::format("unexpected argument '{}'", word));
        }
    }
    if (path.empty()) {
        return fail(Code::invalid_input, "an object file is missing");
    }
    const OpenObject object = TRY(open_object(path));
    if (observe::JsonWriter* json = session.json()) {
        json->begin_object();
        show_json(*json, object);
        json->begin_array("code");
        for (const load::InspectedSection& section : object.inside.code) {
            SectionDump(session, object, section, lines).json(*json);
        }
        json->end_array();
        json->end_object();
        return {};
    }
    session.print("\n{}:\tfile format elf64-bpf\n", path);
    for (const load::InspectedSection& section : object.inside.code) {
        SectionDump(session, object, section, lines).text();
    }
    session.print("\n");
    show_text(session, object);
    return {};
}

} // namespace

const Noun& obj_noun() {
    // clang-format off
    static constexpr std::array rows{
        Verb{"show", "FILE", "says what an object file holds", show_object, 1},
        Verb{"dump", "FILE [-S]", "lists its code, with C lines between when -S is given", dump_object, 1},
    };
    // clang-format on
    static constexpr Noun noun{
        .name = "obj", .says = "Object files, as a compiler made them.", .verbs = rows};
    return noun;
}

} // namespace skep::app
