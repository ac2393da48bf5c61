// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/hosts/reachable.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace skep::syscall {
namespace {

using registry::Object;
using registry::ObjectKind;
using Shared = std::shared_ptr<Object>;

std::vector<Shared> needed_by(const Object& object) {
    std::vector<Shared> needed;
    if (object.kind() == ObjectKind::program) {
        for (const auto& map : static_cast<const registry::ProgramObject&>(object).maps) {
            needed.push_back(map);
        }
    } else if (object.kind() == ObjectKind::map) {
        for (const auto& [key, held] : static_cast<const registry::MapObject&>(object).held) {
            needed.push_back(held);
        }
    }
    return needed;
}

// A step of the walk without recursion, since chains of tail calls may be long: an object, and what
// it needs that was not walked yet.
struct Step {
    Shared object;
    std::vector<Shared> left;
};

} // namespace

std::vector<Shared> reachable_from(const Shared& root) {
    std::vector<Shared> order;
    std::set<const Object*> seen{root.get()};
    std::vector<Step> path;
    path.push_back({root, needed_by(*root)});
    while (!path.empty()) {
        if (path.back().left.empty()) {
            order.push_back(std::move(path.back().object));
            path.pop_back();
            continue;
        }
        Shared next = std::move(path.back().left.back());
        path.back().left.pop_back();
        if (seen.insert(next.get()).second) {
            auto needed = needed_by(*next);
            path.push_back({std::move(next), std::move(needed)});
        }
    }
    // Programs bind to their maps, while maps only name what they hold: with the maps first,
    // programs that call each other through one array are no circle.
    std::stable_partition(order.begin(), order.end(), [](const Shared& object) {
        return object->kind() != ObjectKind::program;
    });
    return order;
}

} // namespace skep::syscall
