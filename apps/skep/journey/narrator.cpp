// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/journey/narrator.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "skep/os/command.hpp"

namespace skep::journey {
namespace {

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

// The first lines of an output, and how many more there are.
std::string first_lines(std::string_view text, std::size_t wanted) {
    std::size_t end = 0;
    for (std::size_t lines = 0; lines < wanted && end < text.size(); ++lines) {
        const std::size_t next = text.find('\n', end);
        end = next == std::string_view::npos ? text.size() : next + 1;
    }
    std::string shown(text.substr(0, end));
    if (!shown.empty() && shown.back() != '\n') {
        shown += '\n';
    }
    const auto more = std::count(text.begin() + static_cast<std::ptrdiff_t>(end), text.end(), '\n');
    if (more > 0) {
        shown += fmt::format("... and {} more lines\n", more);
    }
    return shown;
}

std::string typed(const std::vector<std::string>& options, const std::vector<std::string>& words) {
    return fmt::format("skep {}{}{}", fmt::join(options, " "), options.empty() ? "" : " ",
                       fmt::join(words, " "));
}

} // namespace

std::vector<std::string> Narrator::command(const std::vector<std::string>& words) const {
    std::vector<std::string> line{program_};
    line.insert(line.end(), options_.begin(), options_.end());
    line.insert(line.end(), words.begin(), words.end());
    return line;
}

void Narrator::begin(const std::string& title, const std::string& says) {
    ++stage_;
    const std::string_view bold = colour_ ? kBold : "";
    const std::string_view plain = colour_ ? kPlain : "";
    fmt::print("\n{}── {}. {} {}{}\n{}\n", bold, stage_, title,
               fmt::format("{:─<{}}", "", 72 - std::min<std::size_t>(title.size(), 60)), plain,
               says);
    std::fflush(stdout);
}

void Narrator::quote(const std::string& command, const std::string& output,
                     std::size_t shown_lines) {
    const std::string_view bold = colour_ ? kBold : "";
    const std::string_view dim = colour_ ? kDim : "";
    const std::string_view plain = colour_ ? kPlain : "";
    fmt::print("\n{}$ {}{}\n{}{}{}", bold, command, plain, dim, first_lines(output, shown_lines),
               plain);
    std::fflush(stdout);
}

Result<void> Narrator::show(const std::vector<std::string>& words, std::size_t shown_lines) {
    const os::CommandResult result = TRY(os::run_command(command(words)));
    quote(typed(options_, words), result.output, shown_lines);
    if (result.exit_status != 0) {
        return fail(Code::invalid_input,
                    fmt::format("the journey stops here: `{}` ended with status {}",
                                typed(options_, words), result.exit_status));
    }
    return {};
}

void Narrator::quote_even_when_refused(const std::vector<std::string>& words,
                                       std::size_t shown_lines) {
    const auto result = os::run_command(command(words));
    quote(typed(options_, words), result.ok() ? result->output : result.error().message,
          shown_lines);
}

Result<void> Narrator::tell(const Stage& stage) {
    begin(stage.title, stage.says);
    return show(stage.words, stage.shown_lines);
}

Result<std::string> Narrator::ask(std::vector<std::string> words) const {
    words.insert(words.begin(), "-j");
    os::CommandResult result = TRY(os::run_command(command(words)));
    if (result.exit_status != 0) {
        return fail(Code::invalid_input,
                    fmt::format("`{}` ended with status {}: {}", typed(options_, words),
                                result.exit_status, result.output));
    }
    return std::move(result.output);
}

} // namespace skep::journey
