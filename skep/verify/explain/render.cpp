// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explain/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "skep/bytecode/disassemble.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::verify {
namespace {

constexpr std::size_t kTabColumns = 8;
constexpr std::size_t kPathPlaces = 6; // more than that is cut in the middle

struct Style {
    std::string_view error, note, help, frame, plain;
};
constexpr Style kPlain{"", "", "", "", ""};
constexpr Style kColoured{"\033[1;31m", "\033[1;36m", "\033[1;32m", "\033[1;34m", "\033[0m"};

// Control characters in a name or source line must not reach the terminal.
std::string printable(std::string_view text, std::size_t max_columns) {
    std::string clean;
    for (const char c : text) {
        if (c == '\t') {
            clean.append(kTabColumns - clean.size() % kTabColumns, ' ');
        } else {
            clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
        }
    }
    if (clean.size() > max_columns) {
        std::size_t end = max_columns;
        while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) {
            --end; // not inside a character of several bytes
        }
        clean.resize(end);
        clean += "...";
    }
    return clean;
}

// Where in the printed line a source column (from 1) stands, tabs counted as printed.
std::size_t printed_column(std::string_view source, std::uint32_t column) {
    std::size_t printed = 0;
    for (std::size_t i = 0; i + 1 < column && i < source.size(); ++i) {
        printed = source[i] == '\t' ? (printed / kTabColumns + 1) * kTabColumns : printed + 1;
    }
    return printed;
}

std::string helper_call_name(const Insn& insn, InsnIndex /*at*/) {
    const spec::HelperRow* row = insn.kind == InsnKind::call_helper
                                     ? spec::find_helper(static_cast<std::uint32_t>(insn.imm))
                                     : nullptr;
    return row == nullptr ? std::string{} : std::string(row->name);
}

std::string insn_text(const ProgramSpec& program, InsnIndex at) {
    if (at.value >= program.insns.size()) {
        return {};
    }
    const std::variant<Insn, DecodeError> decoded = decode(program.insns, at);
    const Insn* insn = std::get_if<Insn>(&decoded);
    Names names;
    names.call = helper_call_name;
    return insn == nullptr ? std::string("(no instruction)")
                           : disassemble(*insn, at, Dialect::kernel, names);
}

bool has_source(const Place& place) { return !place.file.empty() && place.line != 0; }

// In the file of the finding the line alone says where.
std::string where(const Place& place, const Place& main) {
    if (!has_source(place)) {
        return fmt::format("instruction {}", place.insn.value);
    }
    if (place.file == main.file) {
        return fmt::format("line {}", place.line);
    }
    const std::size_t slash = place.file.rfind('/');
    return fmt::format("{}:{}",
                       slash == std::string::npos ? place.file : place.file.substr(slash + 1),
                       place.line);
}

class Page {
  public:
    Page(const ProgramSpec& program, const Finding& finding, const RenderOptions& options)
        : program_(program), finding_(finding), options_(options),
          style_(options.colour == Colour::yes ? kColoured : kPlain) {
        std::uint32_t highest = has_source(finding.place) ? finding.place.line : 0;
        for (const Note& note : finding.notes) {
            highest = std::max(highest, has_source(note.place) ? note.place.line : 0);
        }
        margin_ = highest == 0 ? 1 : fmt::format("{}", highest).size();
    }

    std::string text() {
        heading();
        place(finding_.place, true);
        remark("because", finding_.because);
        for (const Note& note : finding_.notes) {
            line(fmt::format("{}note{}: {}", style_.note, style_.plain,
                             printable(note.text, options_.max_columns)));
            place(note.place, false);
        }
        path();
        remark("try", finding_.suggestion);
        if (finding_.code != row(FindingCode::not_in_this_kernel).code) { // it would say less
            remark("the kernel says", finding_.kernel_message);
        }
        if (program_.lines.empty() && !has_source(finding_.place)) {
            line(fmt::format(
                "{} = {}{}{}", blank(), style_.help,
                "built with -g, the object would tell the C line and the names of variables",
                style_.plain));
        }
        return joined();
    }

  private:
    void line(std::string text) { lines_.push_back(std::move(text)); }
    [[nodiscard]] std::string blank() const { return std::string(margin_, ' '); }
    [[nodiscard]] std::string framed(std::string_view mark) const {
        return fmt::format("{}{} {}{}", style_.frame, blank(), mark, style_.plain);
    }

    void heading() {
        line(fmt::format("{}error[{}]{}: {}", style_.error, finding_.code, style_.plain,
                         printable(finding_.what, options_.max_columns)));
    }

    // The file, the source line with a caret, the instruction.
    void place(const Place& at, bool with_caret) {
        const std::string insn = printable(insn_text(program_, at.insn), options_.max_columns);
        const std::string arrow = fmt::format("{}{}-->{}", style_.frame, blank(), style_.plain);
        if (!has_source(at)) {
            const std::string name = printable(program_.name, options_.max_columns);
            line(fmt::format("{} {}, instruction {}: {}", arrow, name.empty() ? "program" : name,
                             at.insn.value, insn));
            return;
        }
        const std::string column = at.column == 0 ? std::string{} : fmt::format(":{}", at.column);
        line(fmt::format("{} {}:{}{}", arrow, printable(at.file, options_.max_columns), at.line,
                         column));
        if (!at.source.empty()) {
            line(framed("|"));
            line(fmt::format("{}{:>{}} |{} {}", style_.frame, at.line, margin_, style_.plain,
                             printable(at.source, options_.max_columns)));
            const std::size_t caret = printed_column(at.source, at.column);
            if (with_caret && at.column != 0 && caret < options_.max_columns) {
                line(fmt::format("{} {}{}^{}", framed("|"), std::string(caret, ' '), style_.error,
                                 style_.plain));
            }
        }
        line(fmt::format("{} = instruction {}: {}", blank(), at.insn.value, insn));
    }

    void remark(std::string_view label, std::string_view text) {
        if (!text.empty()) {
            line(fmt::format("{} = {}{}{}: {}", blank(), label == "try" ? style_.help : style_.note,
                             label, style_.plain, printable(text, 2 * options_.max_columns)));
        }
    }

    // The same branch over and over, as a loop passes it, is told once.
    void path() {
        struct Leg {
            std::string text;
            unsigned times = 1;
        };
        std::vector<Leg> legs;
        for (const Decision& decision : finding_.path) {
            std::string text = where(decision.place, finding_.place);
            text += decision.holds.empty() ? "" : fmt::format(" ({})", decision.holds);
            if (!legs.empty() && legs.back().text == text) {
                ++legs.back().times;
            } else {
                legs.push_back({std::move(text)});
            }
        }
        std::string text;
        for (std::size_t i = 0; i < legs.size(); ++i) {
            if (legs.size() > kPathPlaces && i == kPathPlaces / 2) {
                const std::size_t left_out = legs.size() - kPathPlaces;
                text += fmt::format(" → ({} more)", left_out);
                i += left_out;
            }
            text += text.empty() ? legs[i].text : " → " + legs[i].text;
            text += legs[i].times > 1 ? fmt::format(", {} times", legs[i].times) : "";
        }
        remark("path", text);
    }

    // The heading, place and suggestion matter most: what is too much is left out of the middle.
    std::string joined() {
        if (lines_.size() > options_.max_lines && options_.max_lines > 4) {
            const std::size_t tail = 3;
            const std::size_t keep = options_.max_lines - tail - 1;
            const std::size_t left_out = lines_.size() - keep - tail;
            lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(keep),
                         lines_.end() - static_cast<std::ptrdiff_t>(tail));
            lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(keep),
                          fmt::format("{} = ({} lines left out)", blank(), left_out));
        }
        std::string text;
        for (const std::string& row : lines_) {
            text += row;
            text += '\n';
        }
        return text;
    }

    const ProgramSpec& program_;
    const Finding& finding_;
    const RenderOptions& options_;
    Style style_;
    std::size_t margin_ = 1;
    std::vector<std::string> lines_;
};

} // namespace

std::string render(const ProgramSpec& program, const Finding& finding,
                   const RenderOptions& options) {
    return Page(program, finding, options).text();
}

} // namespace skep::verify
