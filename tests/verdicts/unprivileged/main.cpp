// SPDX-License-Identifier: Apache-2.0
//
// compare_unprivileged [--as all|bpf_only|nobody] [--program NAME] [--all-types] [--mutants N]
// [--seed S] [--log] FILE...
//
// Puts programs to our verifier and to the running kernel's as a caller with fewer capabilities
// (caller.hpp): objects (.o), of which programs of the types that such a caller may load are
// compared, and verdict cases (.case); or so many mutants of each. Prints where they differ, the
// 2x2 table, how many last messages and how many counts of processed instructions agree; with --log
// both logs, too.
#include <fmt/format.h>

#include <array>
#include <functional>
#include <random>

#include "skep/client/loading.hpp"
#include "skep/load/object.hpp"
#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"
#include "skep/verify/verify.hpp"
#include "tests/verdicts/campaign/generator/mutant.hpp"
#include "tests/verdicts/unprivileged/caller.hpp"
#include "tests/verdicts/unprivileged/question.hpp"

namespace skep::tests {
namespace {

struct Arguments {
    Caller caller = Caller::nobody;
    std::string program;
    bool log = false;
    bool all_types = false; // those, too, that such a caller may not load
    unsigned mutants = 0;   // of each program, in its place
    std::uint64_t seed = 1;
    std::vector<std::string> files;
};

struct Counts {
    std::array<std::array<unsigned, 2>, 2> cells{};
    unsigned same_message = 0;
    unsigned same_insns = 0;
    unsigned accepted_by_both = 0;
};

std::uint64_t processed(const std::string& log) {
    const std::size_t found = log.rfind("processed ");
    return found == std::string::npos ? 0 : std::strtoull(log.c_str() + found + 10, nullptr, 10);
}

bool may_be_anyones(spec::ProgramType type, Caller caller) {
    const spec::ProgramTypeRow* row = spec::find(type);
    return row != nullptr &&
           (row->capability == spec::ProgramCapability::unprivileged ||
            (caller == Caller::bpf_only && row->capability == spec::ProgramCapability::bpf));
}

Result<load::ObjectSpec> object_of(const std::string& path, const btf::Btf* kernel_types) {
    if (!path.ends_with(".case")) {
        load::Options options;
        options.target_btf = kernel_types;
        options.kernel_version = (6U << 16) | (18U << 8);
        const ByteVector bytes = TRY(os::read_file(path));
        return load::load_object(bytes, path, options);
    }
    const CaseFile file = TRY(read_case(path));
    return object_of(TRY(verdict_case(file)));
}

class Comparison {
  public:
    Comparison(const Arguments& arguments, client::Transport& kernel, const btf::Btf* kernel_types)
        : arguments_(arguments), kernel_(kernel), kernel_types_(kernel_types) {}

    Result<void> file(const std::string& path) {
        load::ObjectSpec object = TRY(object_of(path, kernel_types_));
        std::erase_if(object.programs, [this](const load::ObjectProgram& program) {
            return (!arguments_.all_types &&
                    !may_be_anyones(program.spec.type, arguments_.caller)) ||
                   (!arguments_.program.empty() && arguments_.program != program.spec.name);
        });
        if (object.programs.empty()) {
            return {};
        }
        if (arguments_.mutants != 0) {
            object.programs = mutants_of(object.programs);
        }
        const auto judgements =
            TRY(client::judge_programs(kernel_, object, arguments_.log ? 2 : 1));
        for (std::size_t place = 0; place < object.programs.size(); ++place) {
            if (judgements[place].has_value()) {
                one(path, object, object.programs[place], *judgements[place]);
            }
        }
        return {};
    }

    void summary() const {
        const auto& cells = counts_.cells;
        fmt::print("as {}\n{:14} {:>14} {:>14}\n", name_of(arguments_.caller), "", "kernel accepts",
                   "kernel rejects");
        fmt::print("{:14} {:>14} {:>14}\n", "skep accepts", cells[0][0], cells[0][1]);
        fmt::print("{:14} {:>14} {:>14}\n", "skep rejects", cells[1][0], cells[1][1]);
        fmt::print("same last message {} of {}\n", counts_.same_message, cells[1][1]);
        fmt::print("same insns_processed {} of {}\n", counts_.same_insns, cells[0][0]);
    }

  private:
    // Each with one instruction changed; the number behind the name makes it again.
    std::vector<load::ObjectProgram> mutants_of(const std::vector<load::ObjectProgram>& programs) {
        std::vector<load::ObjectProgram> mutants;
        for (const load::ObjectProgram& program : programs) {
            for (unsigned number = 0; number < arguments_.mutants; ++number) {
                std::mt19937_64 random(std::hash<std::string>()(program.spec.name) +
                                       arguments_.seed * arguments_.mutants + number);
                mutants.push_back(program);
                mutants.back().spec.lines.clear();
                campaign::mutate(mutants.back().spec.insns, random);
                mutants.back().spec.name += fmt::format(".{}", number);
            }
        }
        return mutants;
    }

    void one(const std::string& path, const load::ObjectSpec& object,
             const load::ObjectProgram& program, const client::Judgement& judgement) {
        std::vector<spec::MapSpec> maps;
        for (const load::ObjectMap& map : object.maps) {
            maps.push_back(map.spec);
            if (map.read_only_data) {
                maps.back().constant_value = map.initial_value;
            }
        }
        verify::Environment environment;
        environment.maps = maps;
        environment.program_types = object.types ? &*object.types : nullptr;
        environment.kernel_types = kernel_types_;
        environment.cpu_count = os::possible_cpus();
        environment.log_level = arguments_.log ? verify::kLogAll : verify::kLogNone;
        environment.capabilities = capabilities_of(arguments_.caller);
        ProgramSpec spec = program.spec;
        spec.license = object.license;
        compare(path + " " + spec.name, verify::verify(spec, environment), judgement);
    }

    void compare(const std::string& name, const verify::Outcome& ours,
                 const client::Judgement& kernels) {
        const bool accepted = ours.verdict == verify::Verdict::accept;
        const bool kernel_accepts = kernels.answer >= 0;
        const std::string message = last_line(kernels.log);
        const bool same = message == ours.message;
        const std::uint64_t insns = processed(kernels.log);
        ++counts_.cells[accepted ? 0 : 1][kernel_accepts ? 0 : 1];
        counts_.same_message += !accepted && !kernel_accepts && same ? 1U : 0U;
        const bool same_insns = insns == ours.statistics.insns_processed;
        counts_.same_insns += accepted && kernel_accepts && same_insns ? 1U : 0U;
        if (arguments_.log) {
            fmt::print("=== {} kernel\n{}=== skep\n{}", name, kernels.log, ours.log);
            fmt::print("ANSWER {} {} {}\n", name,
                       kernel_accepts ? "accepts" : std::to_string(kernels.answer), message);
        }
        if (accepted != kernel_accepts) {
            fmt::print("DIFFER {} | skep {} {} | kernel {} {}\n", name,
                       accepted ? "accepts" : "rejects", ours.message, kernels.answer, message);
        } else if (!accepted && !same) {
            fmt::print("MESSAGE {} | {} | {} {}\n", name, ours.message, kernels.answer, message);
        } else if (accepted && !same_insns) {
            fmt::print("INSNS {} | {} | {}\n", name, ours.statistics.insns_processed, insns);
        }
    }

    const Arguments& arguments_;
    client::Transport& kernel_;
    const btf::Btf* kernel_types_;
    Counts counts_;
};

std::optional<Arguments> parse(int count, char** words) {
    Arguments arguments;
    for (int index = 1; index < count; ++index) {
        const std::string word = words[index];
        const bool last = index + 1 == count;
        if (word == "--log") {
            arguments.log = true;
        } else if (word == "--all-types") {
            arguments.all_types = true;
        } else if (word == "--mutants" && !last) {
            arguments.mutants = static_cast<unsigned>(std::stoul(words[++index]));
        } else if (word == "--seed" && !last) {
            arguments.seed = std::stoul(words[++index]);
        } else if (word == "--program" && !last) {
            arguments.program = words[++index];
        } else if (word == "--as" && !last && caller_named(words[index + 1]).has_value()) {
            arguments.caller = *caller_named(words[++index]);
        } else if (word.starts_with("-")) {
            return std::nullopt;
        } else {
            arguments.files.push_back(word);
        }
    }
    return arguments.files.empty() ? std::nullopt : std::optional(arguments);
}

Result<void> run(const Arguments& arguments) {
    const auto permission = arguments.caller == Caller::nobody ? PermissionForAll::ask() : nullptr;
    if (arguments.caller == Caller::nobody && permission == nullptr) {
        return fail(Code::not_permitted, "kernel.unprivileged_bpf_disabled cannot be made 0 here");
    }
    const auto kernel = TRY(connect_kernel_as(arguments.caller));
    const auto raw = os::read_file("/sys/kernel/btf/vmlinux");
    const auto types = raw.ok() ? btf::Btf::parse(*raw) : Result<btf::Btf>(raw.error());
    Comparison comparison(arguments, *kernel, types.ok() ? &*types : nullptr);
    for (const std::string& path : arguments.files) {
        if (const Result<void> compared = comparison.file(path); !compared.ok()) {
            fmt::print(stderr, "{}: {}\n", path, compared.error().message);
        }
    }
    comparison.summary();
    return {};
}

} // namespace
} // namespace skep::tests

int main(int count, char** words) {
    const auto arguments = skep::tests::parse(count, words);
    if (!arguments) {
        fmt::print(stderr,
                   "usage: compare_unprivileged [--as all|bpf_only|nobody] [--program NAME] "
                   "[--log] FILE...\n");
        return 2;
    }
    const skep::Result<void> ran = skep::tests::run(*arguments);
    if (!ran.ok()) {
        fmt::print(stderr, "{}\n", ran.error().message);
    }
    return ran.ok() ? 0 : 1;
}
