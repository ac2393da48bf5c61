// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/state/dependencies.hpp"

namespace skep::verify {

void Dependencies::follow(Origin first, Origin then) {
    if (then == 0 || first == then || nodes_[then].needed) {
        return;
    }
    if (is_needed(first)) {
        need(then);
        return;
    }
    followers_.push_back({then, nodes_[first].followers});
    nodes_[first].followers = static_cast<std::uint32_t>(followers_.size() - 1);
}

void Dependencies::mark(Origin origin) {
    pending_.push_back(origin);
    while (!pending_.empty()) {
        Node& node = nodes_[pending_.back()];
        pending_.pop_back();
        if (node.needed) {
            continue;
        }
        node.needed = true;
        for (const Origin from : {node.first, node.second}) {
            if (from != 0 && !nodes_[from].needed) {
                pending_.push_back(from);
            }
        }
        for (std::uint32_t at = node.followers; at != kNone; at = followers_[at].next) {
            pending_.push_back(followers_[at].then);
        }
    }
}

} // namespace skep::verify
