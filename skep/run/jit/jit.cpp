// SPDX-License-Identifier: Apache-2.0
//
// Machine code as an Executable.
#include <atomic>

#include "skep/os/sharing/owner_lock.hpp"
#include "skep/run/code/code_memory.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/spec/limits.hpp"

namespace skep::run {
namespace {

using CallBack = decltype(helpers::Invocation::call_back);

class JitExecutable final : public Executable {
  public:
    JitExecutable(code::CodeImage code, jit::Image image)
        : code_(std::move(code)), insn_offsets_(std::move(image.insn_offsets)),
          subprogram_offsets_(std::move(image.subprogram_offsets)),
          call_back_(reinterpret_cast<CallBack>(code_.address() + image.callback_offset)) {
    } // NOLINT: our own code

    // What the engine keeps in an invocation means nothing between runs, so an outermost run puts
    // nothing back. One inside another's (a tail call, on the same invocation) does.
    std::uint64_t run(void* context, helpers::Invocation& invocation) override {
        if (invocation.engine != nullptr) [[unlikely]] {
            return run_inside(context, invocation);
        }
        const std::uint64_t result = enter(context, invocation);
        invocation.engine = nullptr;
        return result;
    }

    [[nodiscard]] Tier tier() const override { return Tier::jit; }
    [[nodiscard]] std::optional<CodeListing> listing() const override {
        return CodeListing{code_.bytes(), code_.address(), insn_offsets_, subprogram_offsets_, {}};
    }
    [[nodiscard]] std::uint64_t code_bytes() const override { return code_.bytes().size(); }

  private:
    [[gnu::noinline]] std::uint64_t run_inside(void* context, helpers::Invocation& invocation) {
        const auto outer_call_back = invocation.call_back;
        void* const outer_engine = invocation.engine;
        const std::uint64_t outer_budget = invocation.loop_budget;
        const std::uint64_t result = enter(context, invocation);
        invocation.call_back = outer_call_back;
        invocation.engine = outer_engine;
        invocation.loop_budget = outer_budget;
        return result;
    }

    std::uint64_t enter(void* context, helpers::Invocation& invocation) {
        code::GuardFrame frame;
        invocation.call_back = call_back_;
        invocation.engine = &frame;
        invocation.loop_budget = spec::limits::loop_iterations;
        const std::uint64_t result =
            code::enter_guarded(code_.address(), context, invocation, frame);
        if (frame.instruction != 0) [[unlikely]] {
            ++invocation.faults;
        }
        return result;
    }

    code::CodeImage code_;
    std::vector<std::uint32_t> insn_offsets_;
    std::vector<std::uint32_t> subprogram_offsets_;
    CallBack call_back_;
};

} // namespace

Result<std::unique_ptr<Executable>> jit::make_runnable(Image image) {
    if (image.machine != kThisMachine) {
        return fail(Code::unsupported, "the code was made for another machine than this");
    }
    code::CodeImage code = TRY(code::CodeImage::place(image.code));
    return std::unique_ptr<Executable>(
        std::make_unique<JitExecutable>(std::move(code), std::move(image)));
}

Result<std::unique_ptr<Executable>> make_hardened_jit(const verify::VerifiedProgram& program,
                                                      const Binding& binding) {
    const std::uint64_t blinding = os::random_number() | 1;
    jit::Image image = TRY(jit::compile(program, {}, {.blinding = blinding}));
    TRY(jit::bind(image, binding));
    return jit::make_runnable(std::move(image));
}

Result<std::unique_ptr<Executable>> make_jit(const verify::VerifiedProgram& program,
                                             const Binding& binding) {
    jit::Image image = TRY(jit::compile(program, jit::map_shapes(program, binding)));
    TRY(jit::bind(image, binding));
    return jit::make_runnable(std::move(image));
}

} // namespace skep::run
