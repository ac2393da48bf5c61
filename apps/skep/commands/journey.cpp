// SPDX-License-Identifier: Apache-2.0
//
// skep journey: a program's whole way, stage by stage. The stages are in apps/skep/journey/.
#include "apps/skep/journey/journey.hpp"

#include "apps/skep/command_table.hpp"
#include "skep/os/terminal.hpp"

namespace skep::app {
namespace {

Result<void> walk_journey(Session& session, Words& words) {
    journey::Options options;
    options.source = words.take();
    options.engine = session.options().engine;
    options.colour = os::wants_colour();
    if (session.json() != nullptr) {
        return fail(Code::unsupported,
                    "the journey is told for people; its commands have JSON each");
    }
    if (TRY(journey::walk(options)) != 0) {
        return already_reported();
    }
    return {};
}

constexpr Verb kJourney{
    "",
    "FILE.bpf.c",
    "walks an XDP program from C to packets and back, explaining each stage",
    walk_journey,
    1,
    Status::plain,
    "Everything it makes is gone at its end. --engine kernel walks with the running\n"
    "kernel, on a veth pair in a network namespace of its own."};

} // namespace

const Noun& journey_noun() {
    static constexpr Noun kNoun{"journey", "All stages in one go.", {}, &kJourney};
    return kNoun;
}

} // namespace skep::app
