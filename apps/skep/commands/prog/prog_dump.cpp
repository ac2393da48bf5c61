// SPDX-License-Identifier: Apache-2.0
//
// skep prog dump: the instructions that the engine runs, and the machine code made of them.
//
// Everything shown comes from the program's record. What the kernel has put in the place of a
// helper's number (an address) is turned back into a name by the kernel's own symbols.
#include <algorithm>

#include "apps/skep/commands/prog/prog.hpp"
#include "apps/skep/kernel_symbols.hpp"
#include "apps/skep/objects.hpp"
#include "skep/observe/listing.hpp"
#include "skep/observe/machine_code.hpp"
#include "skep/observe/object_views.hpp"
#include "skep/os/files.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::app {

namespace {

enum class What : std::uint8_t { xlated, jited };

struct Request {
    What what = What::xlated;
    std::optional<std::string> file;
    bool visual = false;
    bool bytecode = false; // beside machine code
    observe::ListingStyle style;
};

Result<Request> read_style(Request request, Words& words) {
    while (!words.at_end()) {
        if (words.take_keyword("file")) {
            request.file = TRY(words.value("the file"));
        } else if (words.take_keyword("opcodes")) {
            request.style.opcodes = true;
        } else if (words.take_keyword("linum")) {
            request.style.line_numbers = observe::LineNumbers::show;
        } else if (request.what == What::xlated && words.take_keyword("visual")) {
            request.visual = true;
        } else if (request.what == What::jited && words.take_keyword("bytecode")) {
            request.bytecode = true;
        } else {
            return fail(Code::invalid_input,
                        fmt::format("expected 'file', 'opcodes', 'linum' or '{}', got: {}",
                                    request.what == What::xlated ? "visual" : "bytecode",
                                    words.shown()));
        }
    }
    const bool has_lines = request.style.line_numbers == observe::LineNumbers::show;
    if (request.file.has_value() &&
        (request.visual || request.bytecode || request.style.opcodes || has_lines)) {
        return fail(Code::invalid_input,
                    "'file' takes the instructions as they are, not as text: it goes with none of "
                    "'opcodes', 'linum', 'bytecode' and 'visual'");
    }
    if (request.visual && (request.style.opcodes || has_lines)) {
        return fail(Code::invalid_input,
                    "'visual' draws a graph: it goes neither with 'opcodes' nor with 'linum'");
    }
    return request;
}

std::string tag_text(const std::array<std::uint8_t, abi::kTagSize>& tag) {
    std::string digits;
    for (const std::uint8_t byte : tag) {
        digits += fmt::format("{:02x}", byte);
    }
    return digits;
}

// What is needed to show one program.
struct Subject {
    client::ProgramRecord record;
    std::optional<btf::Btf> types;
    std::vector<std::uint32_t> code_offsets; // of instructions, where the engine tells
    const KernelSymbols* symbols = nullptr;  // of the kernel engine

    // The kernel's name for a subprogram: bpf_prog_TAG_function.
    [[nodiscard]] std::string function_name(std::size_t number) const {
        std::string name = number == 0 ? record.name() : fmt::format("F{}", number);
        if (types.has_value() && number < record.functions.size() &&
            types->has(record.functions[number][1])) {
            name = types->type(record.functions[number][1]).name;
        }
        const std::string tag =
            number < record.tags.size() ? tag_text(record.tags[number]) : record.tag();
        return fmt::format("bpf_prog_{}_{}", tag, name);
    }
    [[nodiscard]] std::optional<std::size_t> function_at(std::int64_t insn) const {
        for (std::size_t number = 0; number < record.functions.size(); ++number) {
            if (record.functions[number][0] == insn) {
                return number;
            }
        }
        return std::nullopt;
    }
};

std::string helper_name(const Subject& subject, const Insn& insn) {
    if (subject.symbols != nullptr && subject.symbols->call_base() != 0) {
        const auto distance = static_cast<std::uint64_t>(static_cast<std::int64_t>(insn.imm));
        const std::string_view symbol =
            subject.symbols->at(subject.symbols->call_base() + distance);
        if (!symbol.empty()) {
            return std::string(symbol);
        }
    }
    const spec::HelperRow* row =
        insn.imm < 0 ? nullptr : spec::find_helper(static_cast<std::uint32_t>(insn.imm));
    return row == nullptr ? std::string() : std::string(row->name);
}

Names names_for(const Subject& subject) {
    Names names;
    names.call = [&subject](const Insn& insn, InsnIndex at) -> std::string {
        if (insn.kind == InsnKind::call_helper) {
            return helper_name(subject, insn);
        }
        if (insn.kind == InsnKind::call_subprogram) {
            const std::optional<std::size_t> number = subject.function_at(insn.target(at));
            return number.has_value() ? subject.function_name(*number) : std::string();
        }
        return {};
    };
    names.wide = [](const Insn& insn, InsnIndex) { return name_of_loaded_map(insn); };
    return names;
}

Result<Subject> subject_of(Session& session, const os::Fd& program, const KernelSymbols* symbols) {
    client::Transport* engine = TRY(session.engine());
    Subject subject;
    subject.record =
        TRY(client::info_of_program(*engine, program.number(), client::ProgramParts::code));
    subject.code_offsets = TRY(client::code_offsets(*engine, program.number()));
    subject.symbols = symbols;
    if (subject.record.info.btf_id != 0) {
        const os::Fd btf =
            TRY(client::open_id(*engine, client::ObjectKind::btf, subject.record.info.btf_id));
        const client::BtfRecord types =
            TRY(client::info_of_btf(*engine, btf.number(), client::BtfBytes::fetch));
        subject.types = TRY_WHILE("the program's types", btf::Btf::parse(types.bytes));
    }
    return subject;
}

Result<void> show_xlated(Session& session, const Request& request, const Subject& subject) {
    if (subject.record.xlated.empty()) {
        return fail(Code::not_permitted, "error retrieving insn dump: kernel.kptr_restrict set?");
    }
    if (request.file.has_value()) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(
            subject.record.xlated.data()); // NOLINT: as they are
        return os::write_file(*request.file,
                              {bytes, subject.record.xlated.size() * sizeof(RawInsn)});
    }
    const observe::ListedProgram program{.insns = subject.record.xlated,
                                         .functions = subject.record.functions,
                                         .lines = subject.record.lines,
                                         .types =
                                             subject.types.has_value() ? &*subject.types : nullptr};
    const std::vector<observe::ListedInsn> listing =
        observe::make_listing(program, names_for(subject));
    if (request.visual) {
        std::vector<std::uint32_t> starts;
        for (const auto& function : subject.record.functions) {
            starts.push_back(function[0]);
        }
        if (session.json() == nullptr) {
            observe::print_graph(session.out(), listing, starts);
        } else {
            observe::TextOutput graph;
            observe::print_graph(graph, listing, starts);
            session.json()->value(std::string_view(graph.text()));
        }
    } else if (session.json() != nullptr) {
        observe::print_listing_json(*session.json(), listing, request.style);
    } else {
        observe::print_listing_text(session.out(), listing, request.style);
    }
    return {};
}

// The lines of the subprogram whose code lies at [address, address + size).
std::vector<std::pair<std::uint64_t, observe::SourceLine>>
lines_within(const Subject& subject, std::uint64_t address, std::uint64_t size) {
    std::vector<std::pair<std::uint64_t, observe::SourceLine>> lines;
    const std::size_t count =
        std::min(subject.record.jited_lines.size(), subject.record.lines.size());
    for (std::size_t at = 0; subject.types.has_value() && at < count; ++at) {
        const std::uint64_t begin = subject.record.jited_lines[at];
        if (begin >= address && begin < address + size) {
            lines.emplace_back(begin,
                               observe::source_line(*subject.types, subject.record.lines[at]));
        }
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const auto& left, const auto& right) { return left.first < right.first; });
    return lines;
}

// Where the code of each listed instruction begins: exactly where the engine tells; else with the
// line that the instruction belongs to, or with its function.
std::vector<observe::BytecodeMark> bytecode_marks(const Subject& subject) {
    const client::ProgramRecord& record = subject.record;
    const observe::ListedProgram program{.insns = record.xlated, .functions = {}, .lines = {}};
    std::vector<observe::BytecodeMark> marks;
    std::size_t line = 0;
    std::uint64_t address = record.ksyms.empty() ? 0 : record.ksyms.front();
    const std::uint64_t whole = address;
    for (const observe::ListedInsn& insn : observe::make_listing(program, names_for(subject))) {
        const std::uint32_t at = insn.index.value;
        if (const auto number = subject.function_at(at); number && *number < record.ksyms.size()) {
            address = record.ksyms[*number];
        }
        for (; line < std::min(record.lines.size(), record.jited_lines.size()) &&
               record.lines[line][0] <= at;
             ++line) {
            address = record.jited_lines[line];
        }
        if (at < subject.code_offsets.size()) {
            address = whole + subject.code_offsets[at];
        }
        marks.push_back({address, insn.index, insn.text});
    }
    std::stable_sort(marks.begin(), marks.end(), [](const auto& left, const auto& right) {
        return left.address < right.address;
    });
    return marks;
}

Result<std::vector<observe::MachineFunction>> machine_functions(const Subject& subject,
                                                                bool bytecode) {
    const std::vector<observe::BytecodeMark> marks =
        bytecode ? bytecode_marks(subject) : std::vector<observe::BytecodeMark>();
    const client::ProgramRecord& record = subject.record;
    std::vector<observe::MachineFunction> functions;
    std::vector<std::uint32_t> sizes = record.func_lens;
    if (sizes.empty()) {
        sizes = {static_cast<std::uint32_t>(record.jited.size())};
    }
    std::uint64_t offset = 0;
    for (std::size_t number = 0; number < sizes.size(); ++number) {
        observe::MachineFunction function;
        function.name = subject.function_name(number);
        if (subject.types.has_value() && number < record.functions.size()) {
            function.prototype =
                observe::prototype_text(*subject.types, record.functions[number][1]).value_or("");
        }
        function.address = number < record.ksyms.size() ? record.ksyms[number] : 0;
        function.code =
            TRY_WHILE("the sizes of the subprograms", slice(record.jited, offset, sizes[number]));
        if (function.address != 0) {
            function.lines = lines_within(subject, function.address, sizes[number]);
        }
        std::copy_if(marks.begin(), marks.end(), std::back_inserter(function.bytecode),
                     [&](const observe::BytecodeMark& mark) {
                         return mark.address >= function.address &&
                                mark.address - function.address < function.code.size();
                     });
        offset += sizes[number];
        functions.push_back(std::move(function));
    }
    return functions;
}

Result<void> show_jited(Session& session, const Request& request, const Subject& subject) {
    if (subject.record.info.jited_prog_len == 0) {
        return fail(Code::not_found, "no instructions returned: the program is not jited");
    }
    if (subject.record.jited.empty()) {
        return fail(Code::not_permitted, "error retrieving jit dump: kernel.kptr_restrict set?");
    }
    if (request.file.has_value()) {
        return os::write_file(*request.file, subject.record.jited);
    }
    const std::vector<observe::MachineFunction> functions =
        TRY(machine_functions(subject, request.bytecode));
    const observe::AddressNames names = [&subject](std::uint64_t address) {
        return std::string(subject.symbols == nullptr ? std::string_view()
                                                      : subject.symbols->at(address));
    };
    return session.json() != nullptr
               ? observe::print_machine_code_json(*session.json(), functions, request.style, names)
               : observe::print_machine_code_text(session.out(), functions, request.style, names);
}

Result<void> show(Session& session, const Request& request, const Subject& subject) {
    return request.what == What::xlated ? show_xlated(session, request, subject)
                                        : show_jited(session, request, subject);
}

// Of several programs each is announced, as the first line of its `prog show`.
Result<void> show_several(Session& session, const Request& request,
                          const std::vector<Subject>& subjects) {
    observe::JsonWriter* json = session.json();
    if (json != nullptr) {
        json->begin_array();
    }
    for (const Subject& subject : subjects) {
        const abi::ProgInfo& info = subject.record.info;
        const std::string type = observe::name_of_program_type(info.type);
        const bool is_gpl = (info.gpl_compatible & 1U) != 0;
        if (json != nullptr) {
            json->begin_object();
            json->member("id", info.id);
            json->member("type", std::string_view(type));
            json->member("name", std::string_view(subject.record.name()));
            json->member("tag", std::string_view(subject.record.tag()));
            json->member("gpl_compatible", is_gpl);
            json->name("insns");
            TRY(show(session, request, subject));
            json->end_object();
        } else {
            session.print("{}: {}  name {}  tag {}{}\n", info.id, type, subject.record.name(),
                          subject.record.tag(), is_gpl ? "  gpl" : "");
            TRY(show(session, request, subject));
            session.print("{}", &subject == &subjects.back() ? "" : "\n");
        }
    }
    if (json != nullptr) {
        json->end_array();
    }
    return {};
}

} // namespace

std::string name_of_loaded_map(const Insn& insn) {
    if (insn.wide_source == WideSource::map_fd) {
        return fmt::format("map[id:{}]", static_cast<std::uint32_t>(insn.imm));
    }
    if (insn.wide_source == WideSource::map_value_fd) {
        return fmt::format("map[id:{}][0]+{}", static_cast<std::uint32_t>(insn.imm), insn.imm_high);
    }
    return {};
}

Result<void> dump_program(Session& session, Words& words) {
    Request request;
    if (words.take_keyword("jited")) {
        request.what = What::jited;
    } else if (!words.take_keyword("xlated")) {
        return fail(Code::invalid_input,
                    fmt::format("expected 'xlated' or 'jited', got: {}", words.peek()));
    }
    const Found found = TRY(find_programs(session, words));
    request = TRY(read_style(request, words));
    if (found.objects.size() > 1 && request.file.has_value()) {
        return fail(Code::invalid_input, "several programs match, and a file holds one");
    }
    std::optional<KernelSymbols> symbols;
    if (session.options().engine == client::EngineKind::kernel) {
        symbols = KernelSymbols::read();
    }
    std::vector<Subject> subjects;
    for (const os::Fd& program : found.objects) {
        subjects.push_back(
            TRY(subject_of(session, program, symbols.has_value() ? &*symbols : nullptr)));
    }
    return subjects.size() == 1 ? show(session, request, subjects.front())
                                : show_several(session, request, subjects);
}

} // namespace skep::app
