// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/probes/run.hpp"

#include <fmt/format.h>

#include "tests/verdicts/probes/families.hpp"

namespace skep::tests::probes {
namespace {

using campaign::Judges;
using campaign::Opinion;

class Runner {
  public:
    Runner(client::Transport& kernel, const btf::Btf& types, const Choice& choice)
        : kernel_(kernel), judges_(kernel, &types), choice_(choice) {}

    // Whether this kernel takes any program of the caller's kind: some are not built in, or refused
    // by policy.
    [[nodiscard]] bool loads(const Caller& caller) const {
        const std::int32_t answer = allowed_answer(caller);
        const ProgramSpec least = program_of(caller, {{0xb7, 0, 0, answer}, {0x95, 0, 0, 0}});
        return judges_.kernels(*world_, least).kind == Opinion::Kind::accept;
    }

    Result<void> make_maps() {
        world_ = TRY(campaign::make_world(kernel_, one_map_of_each_kind()));
        return {};
    }

    void one(const Family& family, const Probe& probe) {
        ++report_.put;
        if (report_.put % choice_.one_of != 0 ||
            probe.name.find(choice_.caller) == std::string::npos) {
            return;
        }
        const Opinion kernels = judges_.kernels(*world_, probe.program);
        if (kernels.kind == Opinion::Kind::none) {
            return;
        }
        const Opinion ours = judges_.ours(*world_, probe.program);
        const std::string words = kernels.kind == Opinion::Kind::reject
                                      ? judges_.kernel_message(*world_, probe.program)
                                      : "";
        ++report_.judged;
        if (choice_.on_answer) {
            choice_.on_answer(probe, ours, words);
        }
        if (ours.kind != kernels.kind) {
            const bool we_accept = ours.kind == Opinion::Kind::accept;
            ++(we_accept ? report_.only_ours : report_.only_kernels);
            note(family, probe,
                 we_accept ? "ONLY SKEP ACCEPTS | " + words
                           : "ONLY THE KERNEL ACCEPTS | " + ours.message);
        } else if (ours.kind == Opinion::Kind::accept) {
            ++report_.both_accept;
        } else if (!says_the_same(ours, words)) {
            ++report_.other_words;
            note(family, probe, "words | " + ours.message + " | " + words);
        }
    }

    [[nodiscard]] Report& report() { return report_; }

  private:
    // A refusal without words leaves the call as the last line; one line of the kernel's lacks its
    // end, so that the statistics follow on it.
    static bool says_the_same(const Opinion& ours, const std::string& words) {
        const bool is_call = words.find(": (85) call ") != std::string::npos;
        return ours.message == words || (ours.says_nothing && is_call) ||
               words.starts_with(ours.message + "processed ");
    }

    void note(const Family& family, const Probe& probe, const std::string& what) {
        Difference& cause =
            report_.causes[fmt::format("{}: {}", family.name, campaign::cause_of(what))];
        ++cause.count;
        if (cause.examples.size() < choice_.examples) {
            cause.examples.push_back(probe.name + " | " + what);
        }
    }

    client::Transport& kernel_;
    Judges judges_;
    const Choice& choice_;
    std::unique_ptr<campaign::World> world_;
    Report report_;
};

} // namespace

const std::vector<Family>& families() {
    static const std::vector<Family> kFamilies{
        {"offers", "every helper of every kind of program", offered_helpers, true},
        {"arguments", "every thing as every argument of every helper", helper_arguments, true},
        {"maps", "every kind of map in every call that takes one", map_calls, true},
        {"kernel functions", "every kernel function, and every thing as its arguments",
         kernel_functions},
        {"contexts", "every place of every context in every width", context_accesses},
        {"answers", "every answer at the exit of every kind of program", answers},
    };
    return kFamilies;
}

Result<Report> run(client::Transport& kernel, const btf::Btf& kernel_types, const Choice& choice) {
    Runner runner(kernel, kernel_types, choice);
    Result<void> made = runner.make_maps();
    if (!made.ok()) {
        return made.error();
    }
    std::vector<Caller> all = callers(kernel_types);
    std::erase_if(all, [&](const Caller& one) { return !runner.loads(one); });
    for (const Family& family : families()) {
        if (family.name.find(choice.only) == std::string_view::npos) {
            continue;
        }
        std::string of;
        family.make(all, kernel_types, [&](const Probe& probe) {
            const std::string who = probe.name.substr(0, probe.name.find(':'));
            if (who != of && family.new_maps) {
                of = who;
                made = runner.make_maps();
            }
            if (made.ok()) {
                runner.one(family, probe);
            }
        });
        if (!made.ok()) {
            return made.error();
        }
    }
    return runner.report();
}

} // namespace skep::tests::probes
