// SPDX-License-Identifier: Apache-2.0
#include "skep/btf/print/c_order.hpp"

#include <fmt/format.h>

namespace skep::btf {
namespace {

constexpr int kMaxDepth = 2000; // of references, pointers included

enum class Reached : std::uint8_t { by_value, by_pointer };

class Order {
  public:
    explicit Order(const Btf& btf)
        : btf_(btf), state_(btf.type_count()), is_used_(btf.type_count()) {
        mark_used();
    }

    Result<void> add(TypeId id) {
        walk(id, Reached::by_value, 0);
        if (is_too_deep_) {
            return fail(Code::too_big, fmt::format("{} refers to types more than {} deep",
                                                   btf_.where(id), kMaxDepth));
        }
        return {};
    }
    std::vector<TypeId> take() { return std::move(queue_); }

  private:
    enum class State : std::uint8_t { untouched, open, done };

    void mark_used() {
        for (TypeId id = 1; id < btf_.type_count(); ++id) {
            const Type& type = btf_.type(id);
            if (type.kind != Kind::structure && type.kind != Kind::union_) {
                is_used_[type.target] = true;
            }
            for (const Member& member : type.members) {
                is_used_[member.type] = true;
            }
        }
    }

    void define(TypeId id) {
        state_[id] = State::done;
        queue_.push_back(id);
    }

    // Whether the type had to be defined before whoever refers to it.
    bool walk(TypeId id, Reached reached, int depth) {
        if (state_[id] == State::done) {
            return true;
        }
        if (depth > kMaxDepth || is_too_deep_) {
            is_too_deep_ = true;
            return false;
        }
        const Type& type = btf_.type(id);
        switch (type.kind) {
        case Kind::pointer:
            return walk_on(id, type.target, Reached::by_pointer, depth);
        case Kind::array:
            return walk_on(id, type.target, Reached::by_value, depth);
        case Kind::volatile_:
        case Kind::const_:
        case Kind::restrict_:
        case Kind::type_tag:
            return walk(type.target, reached, depth + 1);
        case Kind::structure:
        case Kind::union_:
            return walk_composite(id, type, reached, depth);
        case Kind::enumeration:
        case Kind::enumeration64:
        case Kind::forward:
            // A nameless enumeration is written where it is used.
            if (!type.name.empty() || !is_used_[id]) {
                define(id);
            }
            state_[id] = State::done;
            return true;
        case Kind::typedef_: {
            const bool must_come_first = walk(type.target, reached, depth + 1);
            if (reached == Reached::by_pointer && !must_come_first) {
                return false;
            }
            if (state_[id] != State::done) { // its target may have led back to it
                define(id);
            }
            return true;
        }
        case Kind::function_prototype:
            return walk_prototype(type, reached, depth);
        case Kind::void_:
            return true;
        case Kind::integer:
        case Kind::floating:
            state_[id] = State::done; // bpftool counts the first sight of one as no dependency
            return false;
        case Kind::function:
        case Kind::variable:
        case Kind::data_section:
        case Kind::declaration_tag:
            break;
        }
        return false;
    }

    bool walk_on(TypeId id, TypeId target, Reached reached, int depth) {
        const bool must_come_first = walk(target, reached, depth + 1);
        // What comes through a pointer alone may be asked for again by value.
        if (!must_come_first) {
            return false;
        }
        state_[id] = State::done;
        return true;
    }

    bool walk_composite(TypeId id, const Type& type, Reached reached, int depth) {
        if (state_[id] == State::open || (reached == Reached::by_pointer && !type.name.empty())) {
            return false; // a forward declaration will do
        }
        state_[id] = State::open;
        for (const Member& member : type.members) {
            walk(member.type, Reached::by_value, depth + 1);
        }
        state_[id] = State::done;
        if (!type.name.empty()) {
            queue_.push_back(id);
        }
        return true;
    }

    bool walk_prototype(const Type& type, Reached reached, int depth) {
        bool must_come_first = walk(type.target, reached, depth + 1);
        for (const Member& parameter : type.members) {
            must_come_first = walk(parameter.type, reached, depth + 1) || must_come_first;
        }
        return must_come_first;
    }

    const Btf& btf_;
    std::vector<State> state_;
    std::vector<bool> is_used_;
    std::vector<TypeId> queue_;
    bool is_too_deep_ = false;
};

} // namespace

Result<std::vector<TypeId>> definition_order(const Btf& btf, std::span<const TypeId> roots) {
    Order order(btf);
    if (roots.empty()) {
        for (TypeId id = btf.first_own_id(); id < btf.type_count(); ++id) {
            TRY(order.add(id));
        }
    }
    for (const TypeId id : roots) {
        if (btf.has(id)) {
            TRY(order.add(id));
        }
    }
    return order.take();
}

} // namespace skep::btf
