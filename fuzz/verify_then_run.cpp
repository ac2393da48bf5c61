// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a socket filter: verifying never crashes, and what is accepted runs on every engine
// without leaving its memory.
#include <array>
#include <cstring>

#include "skep/spec/contexts/host_contexts.hpp"
#include "skep/verify/verify.hpp"
#include "tests/support/engines.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    skep::ProgramSpec program;
    program.name = "fuzzed";
    program.type = skep::spec::ProgramType::socket_filter;
    program.license = "GPL";
    program.insns.resize(size / sizeof(skep::RawInsn));
    if (program.insns.empty()) {
        return 0;
    }
    std::memcpy(program.insns.data(), data, program.insns.size() * sizeof(skep::RawInsn));
    skep::verify::Environment environment;
    environment.instruction_limit = 10'000;
    const skep::verify::Outcome outcome = skep::verify::verify(program, environment);
    SKEP_ASSERT(outcome.program.has_value() == (outcome.verdict == skep::verify::Verdict::accept));
    if (!outcome.program.has_value()) {
        return 0;
    }
    std::array<std::uint8_t, 64> packet{};
    skep::spec::HostSkb skb;
    skb.len = packet.size();
    skb.data = reinterpret_cast<std::uint64_t>(packet.data());
    skb.data_end = skb.data + packet.size();
    skb.head = skb.data;
    skb.tail_end = skb.data_end;
    skb.mac_header = skb.data;
    for (const skep::tests::Engine& engine : skep::tests::engines(size)) {
        // An engine may say that it lacks a helper; it may not crash.
        static_cast<void>(skep::tests::run_once(engine, *outcome.program, &skb));
    }
    return 0;
}
