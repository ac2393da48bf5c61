// SPDX-License-Identifier: Apache-2.0
//
// Object files as commands take them: read, with the running kernel's types when CO-RE needs them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/skep/words.hpp"

#include "skep/load/object.hpp"
#include "skep/verify/environment.hpp"

namespace skep::app {

Result<load::ObjectSpec> read_object(const std::string& file, load::Options options);

// What follows --type and --map-size.
Result<void> read_type_option(Words& words, load::Options& options);
Result<void> read_map_size_option(Words& words, load::Options& options);

// The shapes of the object's maps by place, with the contents that can never change: what verify()
// is to know of them.
std::vector<spec::MapSpec> map_specs(const load::ObjectSpec& object);

// The running kernel's types, kept for all programs of a command once one of them needed them.
class RunningKernel {
  public:
    // For environments that do not outlive this.
    [[nodiscard]] verify::KernelTypes types();

  private:
    const btf::Btf* read();
    std::optional<btf::Btf> types_;
    bool was_read_ = false;
};

} // namespace skep::app
