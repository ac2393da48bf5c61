// SPDX-License-Identifier: Apache-2.0
//
// Objects as people name them: by id, name, tag or pin; and the paths where they are pinned.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/skep/session.hpp"
#include "apps/skep/words.hpp"
#include "skep/client/bpf.hpp"
#include "skep/os/fd.hpp"

namespace skep::app {

// Whether the reference named one object itself (id, pin), or asked for all that fit (name, tag).
enum class Naming : std::uint8_t { one, all_that_fit };
struct Found {
    Naming naming = Naming::one;
    std::vector<os::Fd> objects; // at least one
};

Result<Found> find_programs(Session& session, Words& words);
Result<Found> find_maps(Session& session, Words& words);
// Exactly one; an error when several fit.
Result<os::Fd> find_program(Session& session, Words& words);
Result<os::Fd> find_map(Session& session, Words& words);
Result<os::Fd> find_link(Session& session, Words& words);

// Where objects of a kind are pinned below the engine's pin directory, by id.
Result<std::map<std::uint32_t, std::vector<std::string>>> find_pins(client::Transport& engine,
                                                                    client::ObjectKind kind);

// A typed path as the engine understands it. On the kernel engine, makes sure that it lies in a BPF
// file system: mounts one over /sys/fs/bpf or an empty directory, unless options forbid it.
Result<std::string> path_for_pin(Session& session, const std::string& typed);

// Pins what the words name: `OBJECT FILE`.
Result<void> pin_object(Session& session, const os::Fd& object, Words& words);

// The seconds of the calendar at a time since boot.
std::int64_t calendar_seconds(std::uint64_t since_boot_ns);

} // namespace skep::app
