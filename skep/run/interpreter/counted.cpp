// SPDX-License-Identifier: Apache-2.0
//
// The coverage policy, and the interpreter with it.
#include "skep/run/interpreter/counted.hpp"

#include <atomic>

#include "skep/run/interpreter/code.hpp"

namespace skep::run {
namespace {

struct Counting {
    const interpreter::Op* first = nullptr;
    std::atomic<std::uint64_t>* counts = nullptr;

    bool before(const interpreter::Op& op, const interpreter::Machine&) {
        counts[&op - first].fetch_add(1, std::memory_order_relaxed);
        return true;
    }
};

class Counted final : public CountedExecutable {
  public:
    using Count = std::atomic<std::uint64_t>;

    // Counts of its own when it is given none.
    Counted(std::unique_ptr<const interpreter::Code> code, std::span<Count> counts)
        : code_(std::move(code)), own_counts_(counts.empty() ? code_->ops.size() : 0),
          counts_(counts.empty() ? std::span<Count>(own_counts_) : counts) {}

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        Counting policy{code_->ops.data(), counts_.data()};
        return interpreter::run_code(*code_, context, invocation, policy);
    }
    [[nodiscard]] Tier tier() const override { return Tier::interpreter; }
    [[nodiscard]] std::uint64_t code_bytes() const override {
        return code_->ops.size() * sizeof(interpreter::Op);
    }
    [[nodiscard]] std::vector<std::uint64_t> counts() const override {
        std::vector<std::uint64_t> counts;
        counts.reserve(counts_.size());
        for (const auto& count : counts_) {
            counts.push_back(count.load(std::memory_order_relaxed));
        }
        return counts;
    }

  private:
    std::unique_ptr<const interpreter::Code> code_;
    std::vector<Count> own_counts_;
    std::span<Count> counts_;
};

} // namespace

Result<std::unique_ptr<CountedExecutable>> make_counted(const verify::VerifiedProgram& program,
                                                        const Binding& binding) {
    return make_counted(program, binding, {});
}

Result<std::unique_ptr<CountedExecutable>>
make_counted(const verify::VerifiedProgram& program, const Binding& binding,
             std::span<std::atomic<std::uint64_t>> into) {
    SKEP_ASSERT(into.empty() || into.size() >= program.insns().size());
    std::unique_ptr<const interpreter::Code> code =
        TRY(interpreter::make_code(program, binding, interpreter::Form::alone));
    return std::unique_ptr<CountedExecutable>(std::make_unique<Counted>(std::move(code), into));
}

} // namespace skep::run
