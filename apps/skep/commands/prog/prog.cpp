// SPDX-License-Identifier: Apache-2.0
//
// skep prog: the table of its commands, and those that are a few lines long. The others have files
// of their own: prog_show, prog_dump, prog_load, prog_run.
#include "apps/skep/commands/prog/prog.hpp"

#include "apps/skep/objects.hpp"
#include "skep/os/kernel/trace_pipe.hpp"

namespace skep::app {

namespace {

Result<void> pin_program(Session& session, Words& words) {
    const os::Fd program = TRY(find_program(session, words));
    return pin_object(session, program, words);
}

constexpr int kTraceWaitMs = 200;

// Until Ctrl-C, which ends it well.
Result<void> tracelog(Session& session, Words& words) {
    TRY(words.expect_end());
    client::Transport* engine = TRY(session.engine());
    const std::unique_ptr<client::TraceReader> reader = TRY(engine->open_trace());
    if (session.options().engine == client::EngineKind::kernel && os::is_tracing_off()) {
        session.remark("tracing is switched off: echo 1 > /sys/kernel/tracing/tracing_on");
    }
    os::Interrupts interrupts = TRY(os::Interrupts::catch_them());
    observe::JsonWriter* json = session.json();
    if (json != nullptr) {
        json->begin_array();
    }
    std::uint64_t lost = 0;
    while (!interrupts.came()) {
        const std::optional<std::string> line = TRY(reader->next_line(kTraceWaitMs));
        if (reader->lost() != lost) {
            session.remark("{} lines were overwritten before they could be read",
                           reader->lost() - lost);
            lost = reader->lost();
        }
        if (!line.has_value()) {
            std::fflush(stdout);
            TRY(engine->check_alive()); // who has read everything
        } else if (json != nullptr) {
            json->value(std::string_view(*line + "\n"));
        } else {
            session.print("{}\n", *line);
        }
    }
    if (json != nullptr) {
        json->end_array();
    }
    return {};
}

constexpr std::string_view kDumpDetails =
    "file FILE      the instructions themselves, into a file\n"
    "opcodes        their bytes too\n"
    "linum          file, line and column of each C line\n"
    "bytecode       of jited: the bytecode beside the machine code made of it; on the kernel, "
    "which\n"
    "               tells where lines begin and no more, line by line\n"
    "visual         of xlated: the control flow, for dot";

constexpr std::string_view kProfileDetails =
    "duration N     ends after N seconds\n"
    "METRICs        instructions, of the user engine's programs; meanwhile the interpreter runs "
    "the\n"
    "               program. Cycles and time of a file's program: skep run FILE --profile";

constexpr std::string_view kLoadDetails =
    "type TYPE      the programs' type, where their section's name tells none: xdp, tc, socket, "
    "...\n"
    "map ... MAP    an existing map in place of one of the object\n"
    "pinmaps DIR    also pins the object's maps, by their names, in DIR\n"
    "--debug (-d)   shows the verifier's log of an accepted program too";

} // namespace

const Noun& prog_noun() {
    // clang-format off
    static constexpr std::array rows{
        Verb{"show|list", "[PROG]", "lists loaded programs, or shows those that are named", show_programs},
        Verb{"dump", "{ xlated | jited } PROG [{ file FILE | [opcodes] [linum] [bytecode] | visual }]",
             "prints a program's instructions, as the engine runs them or as machine code; visual draws the control flow (DOT)", dump_program,
             0, Status::plain, kDumpDetails},
        Verb{"pin", "PROG FILE", "gives a program a path that keeps it loaded", pin_program, 3, Status::errno_number},
        Verb{"load", "OBJ PATH [type TYPE] [dev DEVICE] [map { idx IDX | name NAME } MAP] [pinmaps DIR]",
             "loads the first program of an object file and pins it", load_first_program, 2, Status::plain, kLoadDetails},
        Verb{"loadall", "OBJ PATH [type TYPE] [dev DEVICE] [map { idx IDX | name NAME } MAP] [pinmaps DIR]",
             "loads all programs of an object file and pins them in a directory", load_all_programs, 2, Status::plain, kLoadDetails},
        Verb{"attach", "", "", nullptr},
        Verb{"detach", "", "", nullptr},
        Verb{"tracelog", "", "prints what programs say with bpf_printk, until Ctrl-C", tracelog},
        Verb{"run", "PROG data_in FILE [data_out FILE [data_size_out L]] [ctx_in FILE [ctx_out FILE [ctx_size_out M]]] [repeat N]",
             "runs a program once or more on given data", run_program_once, 4, Status::errno_number},
        Verb{"profile", "PROG [duration DURATION] [METRICs]",
             "counts how often each C line and instruction of a program is carried out, until Ctrl-C", profile_program,
             2, Status::plain, kProfileDetails},
    };
    // clang-format on
    static constexpr Noun noun{.name = "prog", .says = "Loaded programs.", .verbs = rows};
    return noun;
}

} // namespace skep::app
