// SPDX-License-Identifier: Apache-2.0
//
// The pin directory: what stands for /sys/fs/bpf on this engine.
//
// $SKEP_BPFFS, else $XDG_RUNTIME_DIR/skep/bpf, else /run/user/UID/skep/bpf, else skep-UID/bpf under
// the temporary directory. A path below /sys/fs/bpf means the same path below it. As on a BPF file
// system, names there have no dots (tools expect that to fail), and pins are made nowhere else.
//
// Both ends use this: a client makes and opens pin files itself, since the daemon may live in
// another directory and other namespaces.
//
// Proved by: pin_directory_test.cpp, tests/abi.
#pragma once

#include <optional>
#include <string>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::syscall {

// Where it is for this user, by the environment; nothing is made.
std::string pin_directory_path();

class PinDirectory {
  public:
    explicit PinDirectory(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] const std::string& path() const { return path_; }
    // Makes the directory, or checks that it is nobody else's.
    Result<void> ensure() const;

    // The path of the real file system that is meant.
    [[nodiscard]] Result<std::string> real_path(const std::string& path) const;
    // Whether a pin may be made there, whatever is there; if not, why not.
    [[nodiscard]] Result<void> check_place(const std::string& path) const;
    // A new file at the path, and what is there.
    Result<os::Fd> create(const std::string& path) const;
    Result<os::Fd> open(const std::string& path) const;
    void remove(const std::string& path) const;

  private:
    // How the rest of a real path reads below the directory; nothing when it is elsewhere.
    [[nodiscard]] std::optional<std::string> below(const std::string& real) const;

    std::string path_;
};

} // namespace skep::syscall
