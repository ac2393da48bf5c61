// SPDX-License-Identifier: Apache-2.0
//
// Two passes: the first reads statements and remembers labels, the second finds the labels.
#include "skep/bytecode/assemble.hpp"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include <fmt/format.h>

#include "skep/bytecode/text/statement.hpp"

namespace skep {
namespace {

using text::Cursor;
using text::Statement;
using text::TargetUse;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// The line without its remark.
std::string_view without_remark(std::string_view line) {
    for (std::size_t at = 0; at < line.size(); ++at) {
        const bool after_space = at == 0 || is_space(line[at - 1]);
        const bool slashes = line.substr(at).starts_with("//");
        if (slashes || (after_space && (line[at] == '#' || line[at] == ';'))) {
            return line.substr(0, at);
        }
    }
    return line;
}

// A statement with its place in the program and in the text.
struct Placed {
    Statement statement;
    InsnIndex at;
    std::uint32_t line = 0;
};

class Assembler {
  public:
    explicit Assembler(const Symbols& symbols) : symbols_(symbols) {}

    Result<Assembled> run(std::string_view text) {
        std::uint32_t line_number = 0;
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            TRY(read_line(text.substr(0, end), ++line_number));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        for (Placed& placed : placed_) {
            TRY(resolve(placed));
            append(assembled_.insns, placed.statement.insn);
            assembled_.lines.resize(assembled_.insns.size(), placed.line);
        }
        return std::move(assembled_);
    }

  private:
    Result<void> read_line(std::string_view line, std::uint32_t line_number) {
        Cursor cursor(without_remark(line), line_number);
        while (!cursor.at_end()) {
            if (cursor.accept(";")) {
                continue;
            }
            if (TRY(accept_label(cursor)) || cursor.at_end()) {
                continue;
            }
            const text::Hints hints{accept_opcode(cursor)};
            Statement statement = TRY(text::read_operators(cursor, symbols_, hints));
            if (!cursor.at_end() && !cursor.accept(";")) {
                return cursor.error("the statement should end here");
            }
            const std::uint32_t slots = statement.insn.slots();
            if (statement.insn.kind == InsnKind::exit) {
                last_exit_ = next_;
            }
            placed_.push_back({std::move(statement), next_, line_number});
            next_.value += slots;
        }
        return {};
    }

    // "name:" or "12:", the latter also what listings put before every line.
    Result<bool> accept_label(Cursor& cursor) {
        const std::size_t begin = cursor.position();
        if (const std::string_view name = cursor.accept_identifier();
            !name.empty() && cursor.accept(":")) {
            if (!assembled_.labels.emplace(name, next_).second) {
                return cursor.error_at(begin, fmt::format("the label '{}' stands twice", name));
            }
            return true;
        }
        cursor.move_to(begin);
        const auto number = cursor.accept_number();
        if (number.has_value() && !number->has_sign && cursor.accept(":")) {
            numbered_[number->magnitude].push_back(next_);
            return true;
        }
        cursor.move_to(begin);
        return false;
    }

    // "(18)" before an instruction, as logs have it.
    static std::optional<std::uint8_t> accept_opcode(Cursor& cursor) {
        const std::string_view ahead = cursor.rest();
        const auto digit = [&](std::size_t at) -> int {
            const char c = ahead[at];
            return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        };
        if (ahead.size() < 4 || ahead[0] != '(' || ahead[3] != ')' || digit(1) < 0 ||
            digit(2) < 0) {
            return std::nullopt;
        }
        cursor.move_to(cursor.position() + 4);
        return static_cast<std::uint8_t>(digit(1) * 16 + digit(2));
    }

    [[nodiscard]] std::optional<InsnIndex> find(const std::string& label, InsnIndex from) const {
        if (const auto named = assembled_.labels.find(label); named != assembled_.labels.end()) {
            return named->second;
        }
        if (label == "exit") {
            return last_exit_;
        }
        if (label[0] < '0' || label[0] > '9') {
            return std::nullopt;
        }
        const auto numbered = numbered_.find(std::stoull(label.substr(0, label.size() - 1)));
        if (numbered == numbered_.end()) {
            return std::nullopt;
        }
        // The places rise. "1f" is the first after the jump, "1b" the last up to it.
        const std::vector<InsnIndex>& places = numbered->second;
        const auto after = std::upper_bound(places.begin(), places.end(), from);
        if (label.back() == 'f') {
            return after == places.end() ? std::nullopt : std::optional(*after);
        }
        return after == places.begin() ? std::nullopt : std::optional(*std::prev(after));
    }

    Result<void> resolve(Placed& placed) const {
        Statement& statement = placed.statement;
        Insn& insn = statement.insn;
        const Cursor place("", placed.line);
        if (statement.use == TargetUse::none) {
            return check_distance(placed);
        }
        const std::optional<InsnIndex> target = find(statement.label, placed.at);
        if (!target.has_value()) {
            const auto helper = statement.use == TargetUse::call && symbols_.helper
                                    ? symbols_.helper(statement.label)
                                    : std::nullopt;
            if (!helper.has_value()) {
                return place.error_at(statement.column,
                                      fmt::format("nothing is named '{}'", statement.label));
            }
            insn.kind = InsnKind::call_helper;
            insn.imm = *helper;
            return {};
        }
        const std::int64_t distance =
            static_cast<std::int64_t>(target->value) - placed.at.value - 1;
        if (statement.use == TargetUse::function_address) {
            insn.imm = static_cast<std::int32_t>(distance);
            return {};
        }
        if (statement.use != TargetUse::jump) {
            insn.kind = InsnKind::call_subprogram;
        }
        insn.jump_slots = static_cast<std::int32_t>(distance);
        return check_distance(placed);
    }

    // A jump but gotol has 16 bits for its distance.
    static Result<void> check_distance(const Placed& placed) {
        const Insn& insn = placed.statement.insn;
        const bool short_jump = insn.kind == InsnKind::jump || insn.kind == InsnKind::may_goto ||
                                (insn.kind == InsnKind::jump_always && !insn.long_jump);
        if (short_jump && (insn.jump_slots < std::numeric_limits<std::int16_t>::min() ||
                           insn.jump_slots > std::numeric_limits<std::int16_t>::max())) {
            return Cursor("", placed.line)
                .error_at(placed.statement.column,
                          fmt::format("a jump over {} slots does not fit into 16 bits: use gotol",
                                      insn.jump_slots));
        }
        return {};
    }

    const Symbols& symbols_;
    Assembled assembled_;
    std::vector<Placed> placed_;
    std::unordered_map<std::uint64_t, std::vector<InsnIndex>> numbered_;
    std::optional<InsnIndex> last_exit_;
    InsnIndex next_;
};

} // namespace

Result<Assembled> assemble(std::string_view text, const Symbols& symbols) {
    return Assembler(symbols).run(text);
}

} // namespace skep
