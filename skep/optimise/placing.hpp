// SPDX-License-Identifier: Apache-2.0
//
// Placing: from an object file to an image that runs wherever it is put.
//
// Code, constants and the table of bindings become one piece; references between them are distances
// and are filled in here, for they hold at every address. What is left for bind() are the addresses
// in the table.
//
//   ┌──────────────┬───────────────┬──────────────────────┐
//   │ .text        │ constants     │ skep_bindings        │
//   └──────────────┴───────────────┴──────────────────────┘
//
// The object comes from our own compiler, but is read as any file is: every offset is checked, and
// what is not known is refused.
#pragma once

#include <span>

#include "skep/base/result.hpp"
#include "skep/optimise/emission.hpp"
#include "skep/run/jit/image.hpp"

namespace skep::optimise {

// The image's relocations are the bindings, each with its place in the table.
Result<run::jit::Image> place(const ObjectBytes& object,
                              std::span<const run::jit::Relocation> bindings);

} // namespace skep::optimise
