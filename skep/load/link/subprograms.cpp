// SPDX-License-Identifier: Apache-2.0
//
// Linking: a program is its own function and, behind it, every function it reaches by calls and
// function addresses, each once, in the order in which they are first met. Calls and addresses are
// then set anew, and the func_info and line_info of the pieces follow them.
//
// A place that lies within no function is an error; so is a jump past a function's end, which the
// verifier finds. What a program may take together is bounded, since a hostile file could name the
// same functions from very many programs.
//
// Proved by: load_test.cpp.
#include <algorithm>

#include <fmt/format.h>

#include "skep/load/draft.hpp"

namespace skep::load {
namespace {

constexpr std::size_t kMaxInsns = 1'000'000;      // of one program
constexpr std::size_t kMaxTotalInsns = 8'000'000; // of all programs of an object

class Linker {
  public:
    Linker(Draft& draft, ProgramSpec& spec) : draft_(draft), spec_(spec) {}

    Result<void> link(const Function& main) {
        TRY(append(main));
        for (std::size_t next = 0; next < pieces_.size(); ++next) {
            const Piece piece = pieces_[next];
            TRY(retarget(piece));
        }
        return fault_ ? Result<void>(*fault_) : Result<void>();
    }

  private:
    struct Piece {
        const Function* function;
        std::uint32_t begin; // in spec.insns
    };

    Result<void> append(const Function& function) {
        const CodeSection& code = draft_.code.at(function.begin.section);
        const auto begin = static_cast<std::uint32_t>(spec_.insns.size());
        if (begin + std::size_t{function.insn_count} > kMaxInsns) {
            return fail(
                Code::too_big,
                fmt::format("program '{}' with its subprograms has more than {} instructions",
                            spec_.name, kMaxInsns));
        }
        place_of_[function.begin] = begin;
        pieces_.push_back({&function, begin});
        note_fault(function);
        const auto first = code.insns.begin() + function.begin.insn;
        spec_.insns.insert(spec_.insns.end(), first, first + function.insn_count);
        take_range(code.functions, function, begin, spec_.functions);
        take_range(code.lines, function, begin, spec_.lines);
        return {};
    }

    // The first thing wrong in a function becomes the program's error.
    void note_fault(const Function& function) {
        const auto fault = draft_.faults.lower_bound(function.begin);
        const bool is_within = fault != draft_.faults.end() &&
                               fault->first.section == function.begin.section &&
                               fault->first.insn - function.begin.insn < function.insn_count;
        if (is_within && !fault_) {
            fault_ = fault->second;
        }
    }

    // The records of a function, moved to where it is now.
    template <class Record>
    static void take_range(const std::vector<Record>& from, const Function& function,
                           std::uint32_t begin, std::vector<Record>& to) {
        const auto before = [](const Record& record, std::uint32_t insn) {
            return record.insn.value < insn;
        };
        auto record = std::lower_bound(from.begin(), from.end(), function.begin.insn, before);
        for (;
             record != from.end() && record->insn.value < function.begin.insn + function.insn_count;
             ++record) {
            Record moved = *record;
            moved.insn.value = record->insn.value - function.begin.insn + begin;
            to.push_back(moved);
        }
    }

    Result<void> retarget(const Piece& piece) {
        const CodeSection& code = draft_.code.at(piece.function->begin.section);
        const std::uint32_t first = piece.function->begin.insn;
        auto target = code.targets.lower_bound(first);
        for (; target != code.targets.end() && target->first < first + piece.function->insn_count;
             ++target) {
            const CodePlace at{piece.function->begin.section, target->first};
            const std::uint32_t here = target->first - first + piece.begin;
            const std::uint32_t there = TRY_WHILE(draft_.describe(at), place(target->second));
            // Both forms count from the next instruction; a function's address counts from itself.
            const bool is_call = spec_.insns[here].opcode == 0x85;
            spec_.insns[here].imm =
                static_cast<std::int32_t>(there) - static_cast<std::int32_t>(here) - 1;
            if (!is_call) {
                spec_.insns[here + 1].imm = 0;
            }
        }
        return {};
    }

    // Where a place of the file is in the program; appends its function when it is new.
    Result<std::uint32_t> place(CodePlace at) {
        const Function* function = draft_.function_at(at);
        if (function == nullptr) {
            return fail(Code::invalid_input,
                        fmt::format("leads to {}, which lies in no function", describe(at)));
        }
        if (!place_of_.contains(function->begin)) {
            TRY(append(*function));
        }
        return place_of_.at(function->begin) + (at.insn - function->begin.insn);
    }

    [[nodiscard]] std::string describe(CodePlace at) const { return draft_.describe(at); }

    Draft& draft_;
    ProgramSpec& spec_;
    std::vector<Piece> pieces_;
    std::optional<Error> fault_;
    std::map<CodePlace, std::uint32_t> place_of_;
};

// One func_info for each function, and one line at each one's beginning, is what the kernel takes;
// with less it takes neither.
void settle_info(ProgramSpec& spec) {
    if (spec.functions.empty() || spec.functions.front().insn.value != 0) {
        spec.functions.clear();
        spec.lines.clear();
    } else if (spec.lines.empty() || spec.lines.front().insn.value != 0) {
        spec.lines.clear();
    }
}

} // namespace

Result<void> link_programs(Draft& draft) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < draft.spec.programs.size(); ++i) {
        ProgramSpec& spec = draft.spec.programs[i].spec;
        auto linked = Linker(draft, spec).link(draft.functions[draft.program_functions[i]]);
        if (!linked.ok()) {
            draft.spec.programs[i].error = std::move(linked).error();
        }
        settle_info(spec);
        total += spec.insns.size();
        if (total > kMaxTotalInsns) {
            return fail(
                Code::too_big,
                fmt::format("the programs with their subprograms have more than {} instructions",
                            kMaxTotalInsns));
        }
    }
    return {};
}

} // namespace skep::load
