// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "skep/bytecode/disassemble.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::tests::campaign {
namespace {

constexpr std::uint64_t kKeptOfEachCause = 4;
constexpr std::string_view kOnlySkep = "only skep accepts: ";
constexpr std::string_view kOnlyKernel = "only the kernel accepts: ";
constexpr std::string_view kOtherWords = "other words: ";

std::string_view title_of(Disagreement kind) {
    switch (kind) {
    case Disagreement::only_skep_accepts:
        return kOnlySkep;
    case Disagreement::only_kernel_accepts:
        return kOnlyKernel;
    case Disagreement::nothing:
        return kOtherWords;
    }
    return kOtherWords;
}

// What the side or the sides that refuse say.
std::string words_of(const Case& found) {
    switch (found.kind) {
    case Disagreement::only_skep_accepts:
        return found.kernels;
    case Disagreement::only_kernel_accepts:
        return found.ours;
    case Disagreement::nothing:
        return found.ours + "\n" + found.kernels;
    }
    return found.ours;
}

Names names() {
    Names names;
    names.call = [](const Insn& insn, InsnIndex) {
        const spec::HelperRow* row = insn.kind == InsnKind::call_helper
                                         ? spec::find_helper(static_cast<std::uint32_t>(insn.imm))
                                         : nullptr;
        return row == nullptr ? std::string{} : std::string(row->name);
    };
    return names;
}

std::string cell_of(const Opinion& ours, const Opinion& kernels) {
    using Kind = Opinion::Kind;
    if (ours.kind == Kind::none || kernels.kind == Kind::none) {
        return "not compared";
    }
    if (ours.kind == kernels.kind) {
        return ours.kind == Kind::accept ? "both accept" : "both reject";
    }
    return ours.kind == Kind::accept ? "only skep accepts" : "only the kernel accepts";
}

} // namespace

void Tally::read() {
    std::ifstream stream(file_);
    for (std::string line; std::getline(stream, line);) {
        const std::size_t tab = line.find('\t');
        if (tab == std::string::npos) {
            continue;
        }
        const std::uint64_t number = std::strtoull(line.c_str(), nullptr, 10);
        const std::string word = line.substr(tab + 1);
        if (word == "next") {
            next = number;
        } else {
            counts_[word] = number;
        }
    }
}

void Tally::write() const {
    if (file_.empty()) {
        return;
    }
    std::ofstream stream(file_ + ".new");
    stream << next << "\tnext\n" << summary();
    stream.close();
    std::rename((file_ + ".new").c_str(), file_.c_str());
}

void Tally::count(const Opinion& ours, const Opinion& kernels) {
    ++counts_[cell_of(ours, kernels)];
}

bool Tally::wants(const Case& found) {
    return ++counts_[std::string(title_of(found.kind)) + found.cause] <= kKeptOfEachCause;
}

void Tally::keep(const std::string& name, const Case& found, const ProgramSpec& smallest) const {
    const std::string text = fmt::format(
        "== {}{}\n{} type {} attach {} flags {}\n{}\n{}\n", title_of(found.kind), found.cause, name,
        static_cast<std::uint32_t>(smallest.type), smallest.expected_attach_type, smallest.flags,
        words_of(found), disassemble_program(smallest.insns, names()));
    if (file_.empty()) {
        fmt::print("{}", text);
        return;
    }
    std::ofstream(file_ + ".cases", std::ios::app) << text;
}

std::string Tally::summary() const {
    std::vector<std::pair<std::uint64_t, std::string>> rows;
    for (const auto& [word, number] : counts_) {
        rows.emplace_back(number, word);
    }
    std::sort(rows.rbegin(), rows.rend());
    std::string text;
    for (const auto& [number, word] : rows) {
        text += fmt::format("{}\t{}\n", number, word);
    }
    return text;
}

std::uint64_t Tally::judged() const {
    std::uint64_t sum = 0;
    for (const char* cell :
         {"both accept", "both reject", "only skep accepts", "only the kernel accepts"}) {
        const auto found = counts_.find(cell);
        sum += found == counts_.end() ? 0 : found->second;
    }
    return sum;
}

} // namespace skep::tests::campaign
