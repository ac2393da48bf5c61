// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/verify/ask_engine.hpp"

#include <charconv>

#include "skep/base/result.hpp"

namespace skep::app {

namespace {

// The number behind a word of the last line: "processed 12 insns (limit 1000000) ...".
std::uint64_t number_behind(std::string_view text, std::string_view word) {
    const std::size_t at = text.rfind(word);
    std::uint64_t number = 0;
    if (at != std::string_view::npos) {
        const std::string_view digits = text.substr(at + word.size());
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    }
    return number;
}

bool is_statistics(std::string_view line) {
    return line.starts_with("processed ") || line.starts_with("verification time ") ||
           line.starts_with("stack depth ") || line.starts_with("insns processed ");
}

// The last line that is not about counts.
std::string last_words(std::string_view log) {
    while (!log.empty()) {
        const std::size_t end = log.find_last_not_of('\n');
        log = log.substr(0, end == std::string_view::npos ? 0 : end + 1);
        const std::size_t before = log.find_last_of('\n');
        const std::string_view line = log.substr(before == std::string_view::npos ? 0 : before + 1);
        if (!line.empty() && !is_statistics(line)) {
            return std::string(line);
        }
        log = log.substr(0, before == std::string_view::npos ? 0 : before);
    }
    return {};
}

} // namespace

verify::Outcome as_the_engine_says(const client::Judgement& judgement, verify::Outcome ours,
                                   std::uint32_t log_level) {
    verify::Outcome outcome;
    const bool is_accepted = judgement.answer >= 0;
    outcome.verdict = is_accepted ? verify::Verdict::accept : verify::Verdict::reject;
    outcome.os_errno = static_cast<int>(-judgement.answer);
    outcome.statistics.insns_processed = number_behind(judgement.log, "processed ");
    outcome.statistics.max_states_per_insn = number_behind(judgement.log, "max_states_per_insn ");
    outcome.statistics.total_states = number_behind(judgement.log, "total_states ");
    outcome.statistics.peak_states = number_behind(judgement.log, "peak_states ");
    if (!is_accepted) {
        outcome.message = last_words(judgement.log);
        outcome.findings = std::move(ours.findings);
    }
    if (log_level != 0 || (!is_accepted && outcome.findings.empty())) {
        outcome.log = judgement.log;
    }
    if (!is_accepted && outcome.message.empty()) {
        outcome.message = error_from_errno(outcome.os_errno, "the engine says no more").message;
    }
    return outcome;
}

} // namespace skep::app
