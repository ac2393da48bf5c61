// SPDX-License-Identifier: Apache-2.0
//
// Instructions that an analysis still has to look at, each waiting at most once.
//
// A forward analysis takes the lowest first, a backward one the highest: compilers lay code out
// nearly in the order of its flow, so what leads to an instruction is mostly done before it, and
// code without loops is gone over once.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

namespace skep::verify {

// `Later(a, b)`: a is taken after b. Numbers are below the size given.
template <typename Later>
class Worklist {
  public:
    explicit Worklist(std::size_t size) : waiting_(size, false) {}

    void add(std::uint32_t number) {
        if (!waiting_[number]) {
            waiting_[number] = true;
            queue_.push(number);
        }
    }
    [[nodiscard]] bool empty() const { return queue_.empty(); }
    std::uint32_t take() {
        const std::uint32_t number = queue_.top();
        queue_.pop();
        waiting_[number] = false;
        return number;
    }

  private:
    std::vector<bool> waiting_;
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, Later> queue_;
};
using ForwardWorklist = Worklist<std::greater<>>;
using BackwardWorklist = Worklist<std::less<>>;

} // namespace skep::verify
