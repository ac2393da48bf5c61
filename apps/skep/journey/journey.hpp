// SPDX-License-Identifier: Apache-2.0
//
// The journey: one XDP source file from C to packets and back to nothing, stage by stage.
//
// Each stage says in a sentence or two what happens, shows the command to type oneself and the real
// output of that very command: the journey runs this program again with those words. Nothing is
// printed that a command did not print. It works in a folder and (user engine) a pin directory of
// its own, so it meets nothing of the user's; on the kernel engine in a network namespace of its
// own with a veth pair. At the end everything is detached and unloaded, also after a failure.
#pragma once

#include <string>

#include "skep/base/result.hpp"
#include "skep/client/transport.hpp"

namespace skep::journey {

struct Options {
    std::string source; // an XDP program in C or C++, or an object
    client::EngineKind engine = client::EngineKind::user;
    bool colour = false;
};

// 0 when every stage succeeded; else the stage that failed has said why, and 1.
Result<int> walk(const Options& options);

} // namespace skep::journey
