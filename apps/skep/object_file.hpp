// SPDX-License-Identifier: Apache-2.0
//
// Object files as commands take them: read, with the running kernel's types when CO-RE needs them.
#pragma once

#include <string>

#include "skep/load/object.hpp"

namespace skep::app {

Result<load::ObjectSpec> read_object(const std::string& file, load::Options options);

} // namespace skep::app
