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
#include "skep/spec/limits.hpp"

namespace skep::load {
namespace {

constexpr std::size_t kMaxInsns = spec::limits::program_insns; // of one program
constexpr std::size_t kMaxTotalInsns = 8'000'000;              // of all programs of an object

class Linker {
  public:
    Linker(Draft& draft, ProgramSpec& spec) : draft_(draft), spec_(spec) {}

    Result<void> link(const Function& main, const Function* exception_callback) {
        TRY(append(main));
        TRY(follow());
        if (exception_callback != nullptr && !place_of_.contains(exception_callback->begin)) {
            TRY(append(*exception_callback));
            TRY(follow());
        }
        return fault_ ? Result<void>(*fault_) : Result<void>();
    }

  private:
    // A function whose calls are being followed.
    struct Piece {
        const Function* function;
        std::uint32_t begin;     // in spec.insns
        std::uint32_t next_insn; // in the section: what has not been looked at
    };

    // Depth first, as each call is met, so that the order is that of other loaders.
    Result<void> follow() {
        while (!pieces_.empty()) {
            Piece& piece = pieces_.back();
            const CodeSection& code = draft_.code.at(piece.function->begin.section);
            const auto target = code.targets.lower_bound(piece.next_insn);
            if (target == code.targets.end() ||
                target->first >= piece.function->begin.insn + piece.function->insn_count) {
                pieces_.pop_back();
                continue;
            }
            piece.next_insn = target->first + 1;
            const CodePlace at{piece.function->begin.section, target->first};
            const std::uint32_t here = target->first - piece.function->begin.insn + piece.begin;
            const std::uint32_t there = TRY_WHILE(draft_.describe(at), place(target->second));
            retarget(here, there);
        }
        return {};
    }

    // Both a call and a function's address count from the next instruction.
    void retarget(std::uint32_t here, std::uint32_t there) {
        spec_.insns[here].imm =
            static_cast<std::int32_t>(there) - static_cast<std::int32_t>(here) - 1;
        if (is_wide_immediate(spec_.insns[here]) && here + 1 < spec_.insns.size()) {
            spec_.insns[here + 1].imm = 0;
        }
    }

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
        pieces_.push_back({&function, begin, function.begin.insn});
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

// The callback that a program names in a declaration tag, "exception_callback:NAME".
class ExceptionCallbacks {
  public:
    explicit ExceptionCallbacks(const Draft& draft) : draft_(draft) {
        static constexpr std::string_view kTag = "exception_callback:";
        if (!draft.spec.types) {
            return;
        }
        const btf::Btf& types = *draft.spec.types;
        for (btf::TypeId id = types.first_own_id(); id < types.type_count(); ++id) {
            const btf::Type& type = types.type(id);
            if (type.kind == btf::Kind::declaration_tag && type.name.starts_with(kTag)) {
                callbacks_[types.type(type.target).name] = type.name.substr(kTag.size());
            }
        }
    }

    [[nodiscard]] const Function* of(const Function& main) const {
        const auto named = callbacks_.find(main.name);
        if (named == callbacks_.end()) {
            return nullptr;
        }
        const auto found = std::find_if(
            draft_.functions.begin(), draft_.functions.end(),
            [&named](const Function& function) { return function.name == named->second; });
        return found == draft_.functions.end() ? nullptr : &*found;
    }

  private:
    const Draft& draft_;
    std::map<std::string_view, std::string_view> callbacks_;
};

} // namespace

Result<void> link_programs(Draft& draft) {
    std::size_t total = 0;
    const ExceptionCallbacks callbacks(draft);
    for (std::size_t i = 0; i < draft.spec.programs.size(); ++i) {
        ProgramSpec& spec = draft.spec.programs[i].spec;
        const Function& main = draft.functions[draft.program_functions[i]];
        auto linked = Linker(draft, spec).link(main, callbacks.of(main));
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
