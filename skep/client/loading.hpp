// SPDX-License-Identifier: Apache-2.0
//
// From an ObjectSpec to maps and programs in an engine.
//
// What is made is held by descriptors: until something is pinned, dropping the LoadedObject undoes
// all. Pins are the caller's to make, with a PinSet, which takes them back unless it is kept.
//
// The order: types; maps (reused, found pinned by name, or made, filled and frozen); inner maps
// into their slots; programs; programs into the slots of program arrays.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "skep/client/bpf.hpp"
#include "skep/load/object.hpp"
#include "skep/os/fd.hpp"

namespace skep::client {

// What a program said in its verification, or why it was refused.
struct LoadReport {
    std::string program;
    long answer = 0;
    std::string log;
};

struct LoadRequest {
    std::vector<std::optional<int>> reused_maps; // by place in ObjectSpec::maps; may be shorter
    std::uint32_t ifindex = 0;                   // a card that is to run the programs
    std::uint32_t log_level = 0;
    std::function<void(const LoadReport&)> on_report; // of refusals, and of all with a log level
};

struct LoadedMap {
    std::string name;
    os::Fd fd;
    bool is_reused = false;
    bool wants_pin = false; // the object asks for a pin by name
};
struct LoadedProgram {
    std::string name;
    std::string section;
    os::Fd fd;
};
struct LoadedObject {
    os::Fd types;
    std::vector<LoadedMap> maps;         // as in ObjectSpec::maps
    std::vector<LoadedProgram> programs; // those with autoload
};

Result<LoadedObject> load_into(Transport& engine, const load::ObjectSpec& object,
                               const LoadRequest& request);

// What an engine says of a program of an object.
struct Judgement {
    long answer = 0; // 0: accepted; a negative errno
    std::string log; // as asked for; of a refused program at least the path that led to it
    std::uint64_t time_us = 0;
};

// Has the engine judge each program on its own; nothing is kept. By place in ObjectSpec::programs;
// a program that could not be read has no judgement.
Result<std::vector<std::optional<Judgement>>>
judge_programs(Transport& engine, const load::ObjectSpec& object, std::uint32_t log_level);

// Pins and directories made in one go: all of them stay, or none.
class PinSet {
  public:
    PinSet() = default;
    PinSet(const PinSet&) = delete;
    PinSet& operator=(const PinSet&) = delete;
    ~PinSet();

    Result<void> make_directory(const std::string& path); // one that is there already is fine
    Result<void> pin(Transport& engine, int fd, const std::string& path);
    void keep() { is_kept_ = true; }

  private:
    std::vector<std::string> pins_;
    std::vector<std::string> directories_;
    bool is_kept_ = false;
};

// The name of a pin for an object of this name: a BPF file system takes no dots.
std::string pin_name(std::string name);

} // namespace skep::client
