// SPDX-License-Identifier: Apache-2.0
//
// Data plane, but for making one. Machine code as an Executable: it is a C function of the context
// and the invocation, which keeps what such a function keeps and says itself where a run ends.
#include "skep/os/sharing/owner_lock.hpp"
#include "skep/run/code/code_memory.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/jit/compile.hpp"

namespace skep::run {
namespace {

using Entry = std::uint64_t (*)(void* context, helpers::Invocation& invocation);

class JitExecutable final : public Executable {
  public:
    JitExecutable(code::CodeImage code, jit::Image image)
        : entry_(reinterpret_cast<Entry>(code.address())), code_(std::move(code)), // NOLINT: code
          insn_offsets_(std::move(image.insn_offsets)),
          subprogram_offsets_(std::move(image.subprogram_offsets)) {}

    // What the engine keeps in an invocation means nothing between runs, so an outermost run puts
    // nothing back. One inside another's (a tail call, on the same invocation) does.
    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        if (invocation.engine != nullptr) [[unlikely]] {
            return run_inside(context, invocation);
        }
        return entry_(context, invocation);
    }

    [[nodiscard]] Tier tier() const override { return Tier::jit; }
    [[nodiscard]] std::optional<CodeListing> listing() const override {
        return CodeListing{code_.bytes(), code_.address(), insn_offsets_, subprogram_offsets_,
                           CodeListing::marks_of(insn_offsets_)};
    }
    [[nodiscard]] std::uint64_t code_bytes() const override { return code_.bytes().size(); }

  private:
    [[gnu::noinline]] std::uint64_t run_inside(void* context, helpers::Invocation& invocation) {
        const auto outer_call_back = invocation.call_back;
        void* const outer_engine = invocation.engine;
        const std::uint64_t outer_budget = invocation.loop_budget;
        invocation.engine = nullptr; // while this has not begun, a fault is nobody's
        const std::uint64_t result = entry_(context, invocation);
        invocation.call_back = outer_call_back;
        invocation.engine = outer_engine;
        invocation.loop_budget = outer_budget;
        return result;
    }

    Entry entry_; // first: all that a run reads
    code::CodeImage code_;
    std::vector<std::uint32_t> insn_offsets_;
    std::vector<std::uint32_t> subprogram_offsets_;
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
