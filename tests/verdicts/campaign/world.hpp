// SPDX-License-Identifier: Apache-2.0
//
// World: what a program of the campaign stands in, for both verifiers at once.
//
// The maps are told to ours by their shapes and exist in the running kernel as descriptors, in the
// same order. Instructions name maps by index (the source map_index), which the kernel looks up in
// the array of descriptors that goes with PROG_LOAD: so both judge the very same bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "skep/client/loading.hpp"
#include "skep/verify/verify.hpp"

namespace skep::tests::campaign {

struct World {
    load::ObjectSpec object;
    client::LoadedObject loaded; // maps and types, in the kernel
    std::vector<spec::MapSpec> maps;
    std::vector<int> map_fds;
};

// Makes the maps and types of an object in the kernel; its programs stay outside.
Result<std::unique_ptr<World>> make_world(client::Transport& kernel, load::ObjectSpec object);

} // namespace skep::tests::campaign
