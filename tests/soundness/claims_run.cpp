// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/claims_run.hpp"

#include <fmt/format.h>

#include "skep/run/interpreter/claim_checked.hpp"
#include "tests/soundness/input.hpp"

namespace skep::tests::soundness {
namespace {

constexpr std::uint64_t kMostInsns = 4000; // of one run: many programs rather than many rounds

std::uint64_t some_time(void*, int) { return 0x123456789abcdef; }

maps::Map* no_map(void*, std::uint32_t) { return nullptr; }

} // namespace

Bench::Bench(std::vector<spec::MapSpec> specs) : specs_(std::move(specs)) { renew(); }

void Bench::renew() {
    owned_.clear();
    maps_.clear();
    for (const spec::MapSpec& spec : specs_) {
        Result<std::unique_ptr<maps::Map>> made = maps::make_map(spec, 1);
        owned_.push_back(made.ok() ? std::move(made).value() : nullptr);
        maps_.push_back(owned_.back().get());
        const auto values = maps_.back() == nullptr ? std::nullopt : maps_.back()->direct_values();
        if (values.has_value() && !spec.constant_value.empty()) {
            std::memcpy(values->base, spec.constant_value.data(), spec.constant_value.size());
        }
    }
}

Tested test(const ProgramSpec& program, Bench& bench, const verify::Environment& environment,
            unsigned runs, std::mt19937_64& random) {
    Tested tested;
    if (!can_be_given_input(program.type)) {
        return tested;
    }
    verify::Claimed claimed = verify::verify_with_claims(program, environment);
    if (!claimed.outcome.program.has_value()) {
        return tested;
    }
    auto checked = run::make_claim_checked(*claimed.outcome.program, claimed.claims,
                                           {bench.maps(), {}}, kMostInsns);
    if (!checked.ok()) {
        return tested; // a map or a helper that is not carried here
    }
    helpers::Services services;
    services.clock_ns = some_time;
    services.map_by_id = no_map;
    Input input(spec::find(program.type)->context);
    for (unsigned run = 0; run < runs && !(*checked)->violation().has_value(); ++run) {
        input.fill(random);
        helpers::Invocation invocation;
        invocation.context = input.record();
        invocation.program_type = program.type;
        invocation.services = &services;
        invocation.random_state = random();
        invocation.maps = bench.maps();
        (*checked)->run(input.record(), invocation);
        helpers::end_run(invocation);
    }
    tested.ran = true;
    tested.checked_insns = (*checked)->checked_insns();
    tested.violation = (*checked)->violation();
    return tested;
}

std::string describe(const verify::Violation& violation) {
    return fmt::format("insn {}: {} is {:#x}, claimed: {}", violation.insn.value, violation.place,
                       violation.found, violation.claimed);
}

} // namespace skep::tests::soundness
