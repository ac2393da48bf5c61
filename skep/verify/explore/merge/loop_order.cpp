// SPDX-License-Identifier: Apache-2.0
#include "skep/verify/explore/merge/loop_order.hpp"

#include <algorithm>

#include "skep/verify/shape/control_flow.hpp"

namespace skep::verify {
namespace {

constexpr unsigned kDeepest = 32;

// Finds the strongly connected components of a region (Tarjan), region by region: the whole of a
// subprogram, then each component without its head.
class Ordering {
  public:
    explicit Ordering(const Subject& subject)
        : subject_(subject), region_(subject.insns.size(), 0), index_(subject.insns.size(), 0),
          low_(subject.insns.size(), 0), on_stack_(subject.insns.size(), false) {
        order_.position.assign(subject.insns.size(), 0);
        order_.loop.assign(subject.insns.size(), kNoLoop);
    }

    std::optional<LoopOrder> run() {
        for (const Subprogram& subprogram : subject_.subprograms) {
            std::vector<InsnIndex> all;
            for (std::uint32_t at = subprogram.start.value; at < subprogram.end.value;
                 at += subject_.insns[at].slots()) {
                all.push_back(InsnIndex{at});
            }
            if (!place(all, kNoLoop, 0)) {
                return std::nullopt;
            }
        }
        return std::move(order_);
    }

  private:
    using Component = std::vector<InsnIndex>; // the one met first stands first
    struct Step {
        InsnIndex at;
        Successors successors;
        unsigned next = 0;
    };

    // Gives positions to a region, whose entries stand at its beginning.
    bool place(const std::vector<InsnIndex>& nodes, std::uint32_t outer, unsigned depth) {
        if (depth > kDeepest) {
            return false;
        }
        const std::uint32_t region = ++last_region_;
        for (const InsnIndex at : nodes) {
            region_[at.value] = region;
            index_[at.value] = 0;
            order_.loop[at.value] = outer;
        }
        std::vector<Component> components;
        for (const InsnIndex at : nodes) {
            if (index_[at.value] == 0) {
                find_components(at, region, components);
            }
        }
        std::reverse(components.begin(), components.end()); // they are found last ones first
        for (const Component& component : components) {
            if (!place_component(component, outer, depth)) {
                return false;
            }
        }
        return true;
    }

    bool place_component(const Component& component, std::uint32_t outer, unsigned depth) {
        const InsnIndex head = component.front();
        order_.position[head.value] = ++last_position_;
        if (component.size() == 1 && !follows_itself(head)) {
            return true;
        }
        const auto loop = static_cast<std::uint32_t>(order_.loops.size());
        order_.loops.push_back({head, outer, component});
        order_.loop[head.value] = loop;
        const std::vector<InsnIndex> rest(component.begin() + 1, component.end());
        return place(rest, loop, depth + 1);
    }
    [[nodiscard]] bool follows_itself(InsnIndex at) const {
        const Successors next = successors(subject_, at);
        return (next.count > 0 && next.list[0] == at) || (next.count > 1 && next.list[1] == at);
    }

    void open(InsnIndex at) {
        index_[at.value] = low_[at.value] = ++last_index_;
        stack_.push_back(at);
        on_stack_[at.value] = true;
        path_.push_back({at, successors(subject_, at), 0});
    }
    void find_components(InsnIndex start, std::uint32_t region,
                         std::vector<Component>& components) {
        open(start);
        while (!path_.empty()) {
            Step& step = path_.back();
            if (step.next < step.successors.count) {
                const InsnIndex to = step.successors.list[step.next++];
                if (region_[to.value] != region) {
                    continue;
                }
                if (index_[to.value] == 0) {
                    open(to);
                } else if (on_stack_[to.value]) {
                    low_[step.at.value] = std::min(low_[step.at.value], index_[to.value]);
                }
                continue;
            }
            close(components);
        }
    }
    void close(std::vector<Component>& components) {
        const InsnIndex at = path_.back().at;
        path_.pop_back();
        if (!path_.empty()) {
            std::uint32_t& below = low_[path_.back().at.value];
            below = std::min(below, low_[at.value]);
        }
        if (low_[at.value] != index_[at.value]) {
            return;
        }
        const auto first = std::find(stack_.rbegin(), stack_.rend(), at).base() - 1;
        components.emplace_back(first, stack_.end());
        for (const InsnIndex member : components.back()) {
            on_stack_[member.value] = false;
        }
        stack_.erase(first, stack_.end());
    }

    const Subject& subject_;
    LoopOrder order_;
    std::vector<std::uint32_t> region_, index_, low_;
    std::vector<bool> on_stack_;
    std::vector<InsnIndex> stack_;
    std::vector<Step> path_;
    std::uint32_t last_region_ = 0, last_index_ = 0, last_position_ = 0;
};

} // namespace

std::optional<LoopOrder> order_loops(const Subject& subject) { return Ordering(subject).run(); }

} // namespace skep::verify
