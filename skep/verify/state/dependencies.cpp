// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/state/dependencies.hpp"

namespace skep::verify {

void Dependencies::follow(Origin first, Origin then) {
    if (then == 0 || first == then) {
        return;
    }
    if (is_needed(first)) {
        need(then);
    } else {
        followers_.emplace(first, then);
    }
}

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
        if (!followers_.empty()) {
            const auto [begin, end] = followers_.equal_range(next);
            for (auto follower = begin; follower != end; ++follower) {
                pending_.push_back(follower->second);
            }
        }
    }
}

} // namespace skep::verify
