// SPDX-License-Identifier: Apache-2.0
//
// skepd: the user engine's daemon, and, as `skepd --worker`, the processes that run programs for
// it.
//
// Started by the first client that needs it, with the pin directory that it is to serve. One daemon
// serves a directory; a second one finds that out and ends.
#include <cstdio>
#include <string>
#include <vector>

#include "apps/skepd/server.hpp"
#include "skep/os/process/service_process.hpp"
#include "skep/workers/worker.hpp"

namespace {

int report(const skep::Result<void>& result) {
    if (result.ok()) {
        return 0;
    }
    std::fprintf(stderr, "skepd: %s\n", result.error().message.c_str());
    return 1;
}

int usage() {
    std::fputs(
        "usage: skepd --pin-directory DIRECTORY\n"
        "Serves skep's user engine for the pins in DIRECTORY until nothing is left to serve.\n"
        "Clients start it by themselves; see also: skep daemon status|stop|log\n",
        stderr);
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv, argv + argc);
    if (words.size() == 2 && words[1] == "--worker") {
        return report(skep::workers::run_worker(skep::os::Fd(skep::os::kChildsDescriptor)));
    }
    if (words.size() == 3 && words[1] == "--pin-directory") {
        return report(skep::daemon::serve(words[2]));
    }
    return usage();
}
