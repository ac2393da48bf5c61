// SPDX-License-Identifier: Apache-2.0
//
// What this process may use.
#pragma once

namespace skep::os {

// As many descriptors as the system allows: a daemon holds one or two for each object.
void raise_descriptor_limit();

} // namespace skep::os
