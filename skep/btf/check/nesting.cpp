// SPDX-License-Identifier: Apache-2.0
//
// No type may contain itself: the law that lets all other code follow references.
//
// Two walks, each with edges of its own. By value: modifiers, typedefs and variables to their
// target, arrays to their element, structures to their members, sections to their variables. As
// spelled, what C would have to write in one declaration: pointers, arrays, modifiers, typedefs and
// prototypes, but nothing beyond a structure, which has a name. Each walk is depth-first, colours
// the types and finds how deep each is; a cycle or a depth past kMaxNesting is refused. The walk
// keeps its own stack, of kMaxNesting frames at most.
//
// Proved by: btf_test.cpp (types that contain themselves, types that nest too deep), fuzz/btf.
#include <algorithm>

#include <fmt/format.h>

#include "skep/btf/data.hpp"

namespace skep::btf {
namespace {

constexpr int kLoopErrno = 17; // EEXIST: what BTF_LOAD answers

enum class Walk : std::uint8_t { by_value, as_spelled };

class NestingCheck {
  public:
    NestingCheck(const Btf& btf, Walk walk)
        : btf_(btf), walk_(walk), first_(btf.first_own_id()),
          depth_(btf.type_count() - btf.first_own_id(), kUnseen) {}

    Result<void> run() {
        for (TypeId id = first_; id < btf_.type_count(); ++id) {
            if (depth_[id - first_] == kUnseen) {
                TRY(walk(id));
            }
        }
        return {};
    }

  private:
    static constexpr std::uint8_t kUnseen = 0;
    static constexpr std::uint8_t kOpen = 255; // on the stack
    static_assert(kMaxNesting < kOpen);

    struct Frame {
        TypeId id;
        std::uint32_t next_edge;
        std::uint8_t deepest;
    };

    // The edge of this number; nothing after the last.
    [[nodiscard]] std::optional<TypeId> edge(const Type& type, std::uint32_t number) const {
        if (is_transparent(type.kind) || type.kind == Kind::array) {
            return number == 0 ? std::optional(type.target) : std::nullopt;
        }
        return walk_ == Walk::by_value ? value_edge(type, number) : spelled_edge(type, number);
    }

    static std::optional<TypeId> value_edge(const Type& type, std::uint32_t number) {
        if (type.kind == Kind::structure || type.kind == Kind::union_) {
            return number < type.members.size() ? std::optional(type.members[number].type)
                                                : std::nullopt;
        }
        if (type.kind == Kind::data_section) {
            return number < type.variables.size() ? std::optional(type.variables[number].variable)
                                                  : std::nullopt;
        }
        const bool has_target = type.kind == Kind::variable || type.kind == Kind::declaration_tag;
        return number == 0 && has_target ? std::optional(type.target) : std::nullopt;
    }

    static std::optional<TypeId> spelled_edge(const Type& type, std::uint32_t number) {
        if (type.kind == Kind::function_prototype && number < type.members.size()) {
            return type.members[number].type;
        }
        const std::size_t last = type.kind == Kind::function_prototype ? type.members.size() : 0;
        const bool has_target = type.kind == Kind::pointer || type.kind == Kind::function_prototype;
        return number == last && has_target ? std::optional(type.target) : std::nullopt;
    }

    Result<void> walk(TypeId start) {
        stack_.assign(1, Frame{start, 0, 0});
        depth_[start - first_] = kOpen;
        while (!stack_.empty()) {
            Frame& frame = stack_.back();
            const auto next = edge(btf_.type(frame.id), frame.next_edge++);
            if (!next) {
                TRY(close());
                continue;
            }
            if (*next < first_) { // void and the base's types, which have been checked
                continue;
            }
            const std::uint8_t depth = depth_[*next - first_];
            if (depth == kOpen) {
                return Error{Code::invalid_input, kLoopErrno,
                             fmt::format("{} contains itself", btf_.where(*next))};
            }
            if (depth != kUnseen) {
                frame.deepest = std::max(frame.deepest, depth);
                continue;
            }
            if (stack_.size() >= kMaxNesting) {
                return too_deep(start);
            }
            depth_[*next - first_] = kOpen;
            stack_.push_back(Frame{*next, 0, 0});
        }
        return {};
    }

    Result<void> close() {
        const Frame done = stack_.back();
        stack_.pop_back();
        if (done.deepest >= kMaxNesting) {
            return too_deep(done.id);
        }
        const auto depth = static_cast<std::uint8_t>(done.deepest + 1);
        depth_[done.id - first_] = depth;
        if (!stack_.empty()) {
            stack_.back().deepest = std::max(stack_.back().deepest, depth);
        }
        return {};
    }

    [[nodiscard]] Error too_deep(TypeId id) const {
        return fail(Code::too_big,
                    fmt::format("{} nests types more than {} deep", btf_.where(id), kMaxNesting));
    }

    const Btf& btf_;
    Walk walk_;
    TypeId first_;
    std::vector<std::uint8_t> depth_; // of each own type: kUnseen, kOpen, or how deep it nests
    std::vector<Frame> stack_;
};

} // namespace

Result<void> check_nesting(const Btf& btf) {
    TRY(NestingCheck(btf, Walk::by_value).run());
    return NestingCheck(btf, Walk::as_spelled).run();
}

} // namespace skep::btf
