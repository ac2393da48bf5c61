// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/agreement_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "skep/run/interpreter/claim_checked.hpp"
#include "tests/soundness/input.hpp"
#include "tests/support/engines.hpp"

namespace skep::tests::soundness {
namespace {

constexpr std::uint64_t kMostInsns = 20'000; // of all runs: many programs rather than many rounds
constexpr std::size_t kMostKeys = 4096;      // of a map

std::uint64_t some_time(void*, int) { return 0x123456789abcdef; }
maps::Map* no_map(void*, std::uint32_t) { return nullptr; }

// What the runs on one engine left behind.
struct Outcome {
    std::vector<std::uint64_t> answers;
    std::uint32_t faults = 0;
    std::vector<ByteVector> inputs;
    std::vector<std::vector<ByteVector>> maps; // of each, key and value, in order
};

std::vector<ByteVector> contents(maps::Map& map) {
    std::vector<ByteVector> all;
    const std::uint32_t key_bytes = map.spec().key_size_bytes;
    const std::uint32_t value_bytes = map.user_value_bytes();
    ByteVector key(key_bytes);
    bool has_key = key_bytes != 0 && map.next_key(nullptr, key.data()) == 0;
    while (has_key && all.size() < kMostKeys) {
        ByteVector entry = key;
        entry.resize(key_bytes + value_bytes);
        if (map.read_user(key.data(), MutableBytes(entry).subspan(key_bytes), 0) == 0) {
            all.push_back(std::move(entry));
        }
        ByteVector next(key_bytes);
        has_key = map.next_key(key.data(), next.data()) == 0;
        key = std::move(next);
    }
    std::sort(all.begin(), all.end());
    return all;
}

// What a program reads of its stack without having written it is what somebody left there.
[[gnu::noinline]] void leave_on_stack(std::uint8_t byte) {
    std::array<volatile std::uint8_t, 32U << 10> bytes; // NOLINT: written below
    for (volatile std::uint8_t& one : bytes) {
        one = byte;
    }
}

// Calls with the stack elsewhere.
template <class Call>
[[gnu::noinline]] auto further_down(Call call) {
    std::array<volatile std::uint8_t, 8U << 10> bytes; // NOLINT: takes room, no more
    bytes[0] = 1;
    auto result = call();
    bytes[0] = 2;
    return result;
}

struct Repeated {
    unsigned runs = 1;
    std::uint64_t seed = 0; // of the inputs
};

class Runner {
  public:
    Runner(const ProgramSpec& program, Bench& bench, Repeated repeated)
        : type_(program.type), bench_(bench), repeated_(repeated),
          input_(spec::find(program.type)->context) {
        services_.clock_ns = some_time;
        services_.map_by_id = no_map;
    }

    // The same runs each time it is called, but for what lies unwritten on the stack.
    Outcome run(run::Executable& executable, std::uint8_t unwritten) {
        Outcome outcome;
        std::mt19937_64 random(repeated_.seed);
        for (unsigned i = 0; i < repeated_.runs; ++i) {
            input_.fill(random);
            helpers::Invocation invocation;
            invocation.context = input_.record();
            invocation.program_type = type_;
            invocation.services = &services_;
            invocation.random_state = random();
            invocation.maps = bench_.maps();
            leave_on_stack(unwritten);
            outcome.answers.push_back(executable.run(input_.record(), invocation));
            outcome.faults += invocation.faults;
            helpers::end_run(invocation);
            outcome.inputs.push_back(input_.bytes());
        }
        for (maps::Map* map : bench_.maps()) {
            outcome.maps.push_back(map == nullptr ? std::vector<ByteVector>() : contents(*map));
        }
        return outcome;
    }

  private:
    spec::ProgramType type_;
    Bench& bench_;
    Repeated repeated_;
    Input input_;
    helpers::Services services_;
};

std::string difference(const Outcome& wanted, const Outcome& found) {
    if (found.faults != wanted.faults) {
        return fmt::format("{} faults", found.faults);
    }
    for (std::size_t i = 0; i < wanted.answers.size(); ++i) {
        if (found.answers[i] != wanted.answers[i]) {
            return fmt::format("run {} answers {:#x} instead of {:#x}", i, found.answers[i],
                               wanted.answers[i]);
        }
        if (found.inputs[i] != wanted.inputs[i]) {
            return fmt::format("run {} leaves another packet or record", i);
        }
    }
    for (std::size_t i = 0; i < wanted.maps.size(); ++i) {
        if (found.maps[i] != wanted.maps[i]) {
            return fmt::format("map {} holds something else", i);
        }
    }
    return "";
}

// Whether the runs come to an end soon, found out under a limit.
bool is_short(Runner& runner, const verify::Claimed& claimed, const Bench& bench) {
    auto checked = run::make_claim_checked(*claimed.outcome.program, claimed.claims,
                                           {bench.maps(), {}}, kMostInsns);
    if (!checked.ok()) {
        return false; // a map or a helper that is not carried here
    }
    runner.run(**checked, 0);
    return (*checked)->checked_insns() < kMostInsns / 2;
}

// Whether the interpreter comes to something else when packet, maps and stack lie elsewhere.
bool depends_on_place(const ProgramSpec& program, const verify::VerifiedProgram& accepted,
                      const Bench& bench, Repeated repeated, const Outcome& wanted) {
    Bench twin(bench.specs());
    Runner runner(program, twin, repeated);
    auto executable = engines().front().make(accepted, {twin.maps(), {}});
    return !executable.ok() || !difference(wanted, runner.run(**executable, 0xa5)).empty();
}

// Of this helper the machine itself gives the answer, another one a moment later.
bool asks_the_machine(const verify::VerifiedProgram& accepted) {
    const auto calls_it = [](const Insn& insn) {
        return insn.kind == InsnKind::call_helper && insn.imm == number_of(spec::Helper::jiffies64);
    };
    const auto decoded = decode_all(accepted.insns());
    return decoded.ok() && std::ranges::any_of(*decoded, calls_it);
}

} // namespace

Agreement run_on_every_engine(const ProgramSpec& program, Bench& bench,
                              const verify::Environment& environment, unsigned runs,
                              std::mt19937_64& random) {
    Agreement agreement;
    if (!can_be_given_input(program.type)) {
        return agreement;
    }
    const verify::Claimed claimed = verify::verify_with_claims(program, environment);
    const verify::Outcome accepted = verify::verify(program, environment);
    const Repeated seed{runs, random()};
    Runner runner(program, bench, seed);
    if (!claimed.outcome.program.has_value() || !accepted.program.has_value() ||
        asks_the_machine(*accepted.program) || !is_short(runner, claimed, bench)) {
        return agreement;
    }
    std::optional<Outcome> wanted;
    for (const Engine& engine : engines()) {
        bench.renew();
        auto executable = engine.make(*accepted.program, {bench.maps(), {}});
        if (!executable.ok()) {
            agreement.disagreement = fmt::format("{}: {}", engine.name, executable.error().message);
            return agreement;
        }
        Outcome outcome = runner.run(**executable, 0);
        agreement.engines.push_back(engine.name);
        if (!wanted.has_value()) {
            wanted = std::move(outcome);
            agreement.depends_on_place = further_down(
                [&] { return depends_on_place(program, *accepted.program, bench, seed, *wanted); });
            if (agreement.depends_on_place) {
                return agreement;
            }
            continue;
        }
        const std::string differs = difference(*wanted, outcome);
        if (!differs.empty()) {
            agreement.disagreement = fmt::format("{}: {}", engine.name, differs);
            return agreement;
        }
    }
    agreement.ran = true;
    return agreement;
}

} // namespace skep::tests::soundness
