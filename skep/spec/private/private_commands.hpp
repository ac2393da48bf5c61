// SPDX-License-Identifier: Apache-2.0
//
// skep's own commands, numbered above all that a kernel knows. find_command(), descriptors() and
// pointers() of commands.hpp find their rows too.
#pragma once

#include <cstdint>
#include <span>

#include "skep/spec/commands.hpp"
#include "skep/spec/private/private_abi.hpp"

namespace skep::spec {

enum class PrivateCommand : std::uint32_t {
#define COMMAND(number, name, ...) name = kFirstPrivateCommand + (number),
#include "skep/spec/private/private_commands.def"
};

std::span<const CommandRow> private_commands();
std::span<const DescriptorRow> private_descriptors();
std::span<const PointerRow> private_pointers();

} // namespace skep::spec
