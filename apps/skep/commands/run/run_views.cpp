// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/run/run_views.hpp"

#include <algorithm>
#include <map>

#include "skep/bytecode/disassemble.hpp"
#include "skep/observe/listing.hpp"
#include "skep/observe/machine_code.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::app {

namespace {

constexpr std::size_t kBusiestShown = 10;

// One instruction with all that is known of it.
struct Row {
    std::uint32_t index = 0;
    std::string text;
    std::optional<observe::SourceLine> source; // the line that it comes from
    std::uint64_t count = 0;
    std::vector<observe::MachineInsn> machine;
};

std::string name_of_call(const Insn& insn, InsnIndex) {
    const spec::HelperRow* row = insn.kind != InsnKind::call_helper || insn.imm < 0
                                     ? nullptr
                                     : spec::find_helper(static_cast<std::uint32_t>(insn.imm));
    return row == nullptr ? std::string() : std::string(row->name);
}

// The last line record at or before the instruction as it was written.
std::optional<observe::SourceLine> line_of(const verify::VerifiedProgram& program,
                                           const btf::Btf* types, InsnIndex running) {
    const std::vector<LineInfo>& lines = program.spec().lines;
    const std::uint32_t written = program.origin(running).value;
    const auto after = std::upper_bound(
        lines.begin(), lines.end(), written,
        [](std::uint32_t insn, const LineInfo& line) { return insn < line.insn.value; });
    if (types == nullptr || after == lines.begin()) {
        return std::nullopt;
    }
    const LineInfo& line = *(after - 1);
    return observe::source_line(
        *types, {line.insn.value, line.file_name_offset, line.line_offset, line.line_column});
}

// Jumps inside the code say which instruction they go to.
void name_targets(std::vector<observe::MachineInsn>& insns, const run::CodeListing& listing) {
    for (observe::MachineInsn& insn : insns) {
        if (insn.remark.empty() || insn.operands.empty()) {
            continue;
        }
        const std::uint64_t offset = std::strtoull(insn.operands.back().c_str(), nullptr, 16);
        if (const auto target = listing.insn_at(offset); target.has_value()) {
            insn.remark = fmt::format("insn {}", *target);
        }
    }
}

Result<void> add_machine_code(const RunViews& views, std::vector<Row>& rows) {
    const run::CodeListing& listing = *views.machine_code;
    observe::MachineFunction whole;
    whole.address = listing.address;
    whole.code = listing.bytes;
    std::vector<observe::MachineInsn> insns =
        TRY(observe::disassemble_machine_code(whole, observe::this_machine()));
    name_targets(insns, listing);
    for (observe::MachineInsn& insn : insns) {
        const auto index = listing.insn_at(insn.offset);
        const bool is_behind =
            !listing.insn_offsets.empty() && insn.offset >= listing.insn_offsets.back(); // routines
        if (!index.has_value() || is_behind) {
            continue;
        }
        const auto row = std::lower_bound(
            rows.begin(), rows.end(), *index,
            [](const Row& one, std::uint32_t wanted) { return one.index < wanted; });
        if (row != rows.end()) {
            row->machine.push_back(std::move(insn));
        }
    }
    return {};
}

Result<std::vector<Row>> rows_of(const RunViews& views) {
    const std::vector<Insn> insns = TRY(decode_all(views.insns));
    std::vector<Row> rows;
    for (std::uint32_t at = 0; at < insns.size(); at += insns[at].slots()) {
        rows.push_back({at,
                        disassemble_with_opcode(insns[at], InsnIndex{at}, views.names),
                        views.line_of ? views.line_of(InsnIndex{at}) : std::nullopt,
                        views.costs && at < views.costs->of.size() ? views.costs->of[at] : 0,
                        {}});
    }
    if (views.machine_code.has_value() && (views.machine_code->insn_offsets.size() > insns.size() ||
                                           !views.machine_code->marks.empty())) {
        TRY(add_machine_code(views, rows));
    }
    return rows;
}

// Lines by what they cost, the busiest first.
struct Busy {
    observe::SourceLine line;
    std::uint64_t count = 0;
};
std::vector<Busy> busiest(const std::vector<Row>& rows) {
    std::map<std::pair<std::string, std::uint32_t>, Busy> by_place;
    for (const Row& row : rows) {
        if (row.source.has_value()) {
            Busy& busy = by_place[{row.source->file, row.source->line}];
            busy.line = *row.source;
            busy.count += row.count;
        }
    }
    std::vector<Busy> lines;
    lines.reserve(by_place.size());
    for (auto& [place, busy] : by_place) {
        lines.push_back(std::move(busy));
    }
    std::stable_sort(lines.begin(), lines.end(),
                     [](const Busy& left, const Busy& right) { return left.count > right.count; });
    return lines;
}

std::uint64_t total_of(const std::vector<Row>& rows) {
    std::uint64_t total = 0;
    for (const Row& row : rows) {
        total += row.count;
    }
    return total;
}

double share(std::uint64_t count, std::uint64_t total) {
    return total == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(total);
}

void print_busiest(Session& session, const Costs& costs, const std::vector<Row>& rows) {
    const std::uint64_t total = total_of(rows);
    session.print("{} {}", total, costs.unit);
    if (costs.elsewhere != 0) {
        session.print(", and {} outside the program's code (helpers, entering it)",
                      costs.elsewhere);
    }
    session.print("; by C line:\n");
    const std::vector<Busy> lines = busiest(rows);
    for (std::size_t i = 0; i < std::min(lines.size(), kBusiestShown); ++i) {
        session.print("{:>14} {:>5.1f}%  {}:{}  {}\n", lines[i].count, share(lines[i].count, total),
                      lines[i].line.file, lines[i].line.line, lines[i].line.text);
    }
    session.print("\n");
}

void print_machine(Session& session, const Row& row) {
    for (const observe::MachineInsn& insn : row.machine) {
        std::string operands;
        for (const std::string& operand : insn.operands) {
            operands += (operands.empty() ? "" : ",") + operand;
        }
        std::string bytes;
        for (const std::uint8_t byte : insn.bytes) {
            bytes += fmt::format("{:02x} ", byte);
        }
        session.print("{:>22}{:>5x}:  {:<30}  {:<8}{}{}\n", "", insn.offset, bytes, insn.operation,
                      operands, insn.remark.empty() ? "" : "  # " + insn.remark);
    }
}

void print_rows(Session& session, const RunViews& views, const std::vector<Row>& rows) {
    const observe::SourceLine* last = nullptr;
    for (const Row& row : rows) {
        const bool new_line =
            row.source.has_value() &&
            (last == nullptr || last->line != row.source->line || last->text != row.source->text);
        if (new_line) {
            last = &*row.source;
            session.print("; {}  [{}:{}]\n", last->text, last->file, last->line);
        }
        if (views.costs.has_value()) {
            session.print("{:>14}", row.count);
        }
        session.print("{:>6}: {}\n", row.index, row.text);
        print_machine(session, row);
    }
}

void write_row(observe::JsonWriter& json, const RunViews& views, const Row& row) {
    json.begin_object();
    json.member("insn", row.index);
    json.member("disasm", std::string_view(row.text));
    if (row.source.has_value()) {
        json.member("src", std::string_view(row.source->text));
        json.member("file", std::string_view(row.source->file));
        json.member("line_num", row.source->line);
    }
    if (views.costs.has_value()) {
        json.member("count", row.count);
    }
    if (!row.machine.empty()) {
        json.name("machine");
        json.begin_array();
        for (const observe::MachineInsn& insn : row.machine) {
            json.begin_object();
            json.member("offset", insn.offset);
            json.member("operation", std::string_view(insn.operation));
            json.name("operands");
            json.begin_array();
            for (const std::string& operand : insn.operands) {
                json.value(std::string_view(operand));
            }
            json.end_array();
            json.end_object();
        }
        json.end_array();
    }
    json.end_object();
}

} // namespace

RunViews views_of(const verify::VerifiedProgram& program, const btf::Btf* types) {
    RunViews views;
    views.insns = program.insns();
    views.line_of = [&program, types](InsnIndex at) { return line_of(program, types, at); };
    views.names.call = name_of_call;
    return views;
}

Result<void> show_run_views(Session& session, const RunViews& views) {
    const std::vector<Row> rows = TRY(rows_of(views));
    observe::JsonWriter* json = session.json();
    if (json == nullptr) {
        if (views.costs.has_value()) {
            print_busiest(session, *views.costs, rows);
        }
        print_rows(session, views, rows);
        return {};
    }
    if (views.costs.has_value()) {
        json->member("metric", views.costs->unit);
        json->member("total", total_of(rows));
        json->member("elsewhere", views.costs->elsewhere);
        json->name("lines");
        json->begin_array();
        for (const Busy& busy : busiest(rows)) {
            json->begin_object();
            json->member("file", std::string_view(busy.line.file));
            json->member("line_num", busy.line.line);
            json->member("src", std::string_view(busy.line.text));
            json->member("count", busy.count);
            json->end_object();
        }
        json->end_array();
    }
    json->name("insns");
    json->begin_array();
    for (const Row& row : rows) {
        write_row(*json, views, row);
    }
    json->end_array();
    return {};
}

} // namespace skep::app
