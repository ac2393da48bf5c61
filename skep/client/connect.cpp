// SPDX-License-Identifier: Apache-2.0
//
// Engines that this build does not reach yet answer with an exact error.
#include "skep/client/transport.hpp"

namespace skep::client {

Result<std::unique_ptr<Transport>> connect_daemon() {
    return fail(Code::unsupported,
                "the user engine's daemon is not in this build: use --engine kernel");
}

} // namespace skep::client
