// SPDX-License-Identifier: Apache-2.0
//
// The interpreter as an Executable.
#include "skep/run/interpreter/code.hpp"

namespace skep::run {
namespace {

class Interpreter final : public Executable {
  public:
    explicit Interpreter(std::unique_ptr<const interpreter::Code> code) : code_(std::move(code)) {}

    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        interpreter::Unobserved nobody;
        return interpreter::run_code(*code_, context, invocation, nobody);
    }
    [[nodiscard]] Tier tier() const override { return Tier::interpreter; }
    [[nodiscard]] std::uint64_t code_bytes() const override {
        return code_->ops.size() * sizeof(interpreter::Op);
    }

  private:
    std::unique_ptr<const interpreter::Code> code_;
};

} // namespace

Result<std::unique_ptr<Executable>> make_interpreter(const verify::VerifiedProgram& program,
                                                     const Binding& binding) {
    std::unique_ptr<const interpreter::Code> code =
        TRY(interpreter::make_code(program, binding, interpreter::Form::threaded));
    return std::unique_ptr<Executable>(std::make_unique<Interpreter>(std::move(code)));
}

} // namespace skep::run
