// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/state/dependencies.hpp"

namespace skep::verify {

void Dependencies::need(Origin origin) {
    pending_.push_back(origin);
    while (!pending_.empty()) {
        const Origin next = pending_.back();
        pending_.pop_back();
        Node& node = nodes_[next];
        if (next == 0 || node.needed) {
            continue;
        }
        node.needed = true;
        pending_.push_back(node.first);
        pending_.push_back(node.second);
    }
}

} // namespace skep::verify
