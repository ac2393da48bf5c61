// SPDX-License-Identifier: Apache-2.0
//
// Where the daemon of a pin directory is: in a folder of it whose name no pin can have.
#pragma once

#include <string>

namespace skep::syscall {

struct DaemonPlace {
    std::string folder; // 0700
    std::string socket;
    std::string lock;    // held by who starts a daemon, meanwhile
    std::string running; // held by the daemon, for life
    std::string log;
    std::string ids;
};

inline DaemonPlace daemon_place(const std::string& pin_directory) {
    const std::string folder = pin_directory + "/.skepd";
    return {folder,          folder + "/socket", folder + "/lock", folder + "/running",
            folder + "/log", folder + "/ids"};
}

} // namespace skep::syscall
