// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/claims_run.hpp"

#include <fmt/format.h>

#include <array>

#include "skep/run/interpreter/claim_checked.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::tests::soundness {
namespace {

constexpr std::size_t kRoom = 256; // before and behind the packet
constexpr std::size_t kLongest = 1600;
constexpr std::uint64_t kMostInsns = 4000; // of one run: many programs rather than many rounds

// A packet in a frame, and the record of the program's kind that points at it.
class Input {
  public:
    Input(spec::ContextId kind, std::mt19937_64& random) : kind_(kind) {
        for (std::size_t at = 0; at < frame_.size(); at += 8) {
            const std::uint64_t bits = random() & (random() % 3 == 0 ? ~0ULL : 0x0f0f0f0fULL);
            std::memcpy(frame_.data() + at, &bits, 8);
        }
        // Mostly about as long as programs look; sometimes long.
        const std::size_t length = 14 + random() % (random() % 4 == 0 ? kLongest - 14 : 100);
        const auto first = reinterpret_cast<std::uint64_t>(frame_.data());
        xdp_.data_hard_start = first;
        xdp_.data = first + kRoom;
        xdp_.data_meta = xdp_.data;
        xdp_.data_end = xdp_.data + length;
        xdp_.data_hard_end = first + frame_.size();
        xdp_.ingress_ifindex = 1;
        skb_.len = static_cast<std::uint32_t>(length);
        skb_.protocol = 8;
        skb_.ifindex = 1;
        skb_.data = skb_.data_meta = skb_.mac_header = xdp_.data;
        skb_.network_header = skb_.data + 14;
        skb_.data_end = xdp_.data_end;
        skb_.head = first;
        skb_.tail_end = first + frame_.size();
        for (std::uint32_t& word : skb_.cb) {
            word = static_cast<std::uint32_t>(random());
        }
    }
    void* record() {
        if (kind_ == spec::ContextId::xdp) {
            return &xdp_;
        }
        return &skb_;
    }

  private:
    spec::ContextId kind_;
    alignas(16) std::array<std::uint8_t, 2 * kRoom + kLongest> frame_{};
    spec::HostXdp xdp_;
    spec::HostSkb skb_;
};

// Programs on packets: for others there is nothing here that they could be handed.
bool can_be_given_input(spec::ProgramType type) {
    const spec::ContextId context = spec::find(type)->context;
    return context == spec::ContextId::xdp ||
           (context == spec::ContextId::skb && type != spec::ProgramType::flow_dissector);
}

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
    const spec::ContextId kind = spec::find(program.type)->context;
    for (unsigned run = 0; run < runs && !(*checked)->violation().has_value(); ++run) {
        Input input(kind, random);
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
