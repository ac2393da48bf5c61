// SPDX-License-Identifier: Apache-2.0
//
// Object files as commands take them.
#pragma once

#include <string>
#include <vector>

#include "apps/skep/running_kernel.hpp"
#include "apps/skep/session.hpp"
#include "apps/skep/words.hpp"

#include "skep/load/object.hpp"

namespace skep::app {

// For the kernel that runs here.
Result<load::ObjectSpec> read_object(const std::string& file, load::Options options,
                                     RunningKernel& kernel);

// What the file was lenient about, beside the answer.
void show_warnings(Session& session, const load::ObjectSpec& object);

// What follows --type and --map-size.
Result<void> read_type_option(Words& words, load::Options& options);
Result<void> read_map_size_option(Words& words, load::Options& options);

// What --map-size says about maps that the object does not hold, as an error that names one.
Result<void> check_map_sizes(const load::ObjectSpec& object, const load::Options& options);

// The shapes of the object's maps by place, with the contents that can never change: what verify()
// is to know of them.
std::vector<spec::MapSpec> map_specs(const load::ObjectSpec& object);

} // namespace skep::app
