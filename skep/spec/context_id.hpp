// SPDX-License-Identifier: Apache-2.0
//
// ContextId: which context table, for tables that name one.
#pragma once

#include <cstdint>

namespace skep::spec {

enum class ContextId : std::uint8_t {
    none, // no fixed fields: slots typed by BTF, or nothing known
#define CONTEXT(context, ...) context,
#include "skep/spec/contexts/all.def"
};

} // namespace skep::spec
