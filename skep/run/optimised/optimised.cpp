// SPDX-License-Identifier: Apache-2.0
//
// Optimised code as an Executable.
//
// It keeps no register for the engine, so a fault in it finds its run through the thread: see
// code/guard.hpp.
#include <algorithm>

#include "skep/run/code/code_memory.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/run/optimised/compiler_process.hpp"
#include "skep/run/optimised/optimiser.hpp"

namespace skep::run {
namespace {

#if defined(__x86_64__)
// Whether a push of a register that a C function keeps may stand here: in the old form, or in those
// of processors with sixteen registers more (a prefix of its own; two at once).
bool may_push_kept(Bytes text, std::size_t at) {
    constexpr std::uint8_t kPushRbx = 0x53;
    constexpr std::uint8_t kPushRbp = 0x55;
    constexpr std::uint8_t kHighRegister = 0x41; // before a push of R8 to R15
    constexpr std::uint8_t kPushR12 = 0x54;
    constexpr std::uint8_t kPushR15 = 0x57;
    constexpr std::uint8_t kRex2 = 0xd5;
    constexpr std::uint8_t kEvex = 0x62;
    constexpr std::uint8_t kEvexMap = 7; // of the byte that follows
    constexpr std::uint8_t kOldOpcodes = 4;
    const std::uint8_t next = at + 1 < text.size() ? text[at + 1] : std::uint8_t{0};
    switch (text[at]) {
    case kPushRbx:
    case kPushRbp:
    case kRex2:
        return true;
    case kHighRegister:
        return next >= kPushR12 && next <= kPushR15;
    case kEvex:
        return (next & kEvexMap) == kOldOpcodes;
    default:
        return false;
    }
}
#endif

// Whether a run of the code may end with a register changed that its caller counts on. LLVM's code
// for x86-64 pushes such a register before it changes it, and nothing else holds these bytes but by
// chance. A helper that calls the program back has changed some when that faults, and is left where
// it stands.
bool may_leave_registers_changed([[maybe_unused]] Bytes text,
                                 [[maybe_unused]] const verify::VerifiedProgram& program) {
#if defined(__x86_64__)
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (may_push_kept(text, at)) {
            return true;
        }
    }
    const auto insns = decode_all(program.insns());
    return !insns.ok() || std::ranges::any_of(*insns, [](const Insn& one) {
        return one.kind == InsnKind::load_wide && one.wide_source == WideSource::function;
    });
#else
    return true;
#endif
}

class OptimisedExecutable final : public Executable {
  public:
    OptimisedExecutable(code::CodeImage code, const jit::Image& image,
                        const verify::VerifiedProgram& program)
        : code_(std::move(code)),
          text_bytes_(image.text_bytes), guarded_{code_.address() + image.entry_offset,
                                                  code_.bytes(),
                                                  !may_leave_registers_changed(
                                                      code_.bytes().first(text_bytes_), program)} {
        for (const jit::CodeMark& mark : image.marks) {
            marks_.push_back({mark.offset, mark.insn});
        }
    }

    // What the engine keeps in an invocation the code sets itself, and it means nothing between
    // runs. A program that another one called (a tail call) runs on the same invocation: what that
    // one's run needs of it is put back afterwards.
    std::uint64_t run_alone(void* context, helpers::Invocation& invocation) override {
        if (invocation.engine != nullptr) [[unlikely]] {
            return run_inside(context, invocation);
        }
        return code::enter_optimised(guarded_, context, invocation);
    }

    [[nodiscard]] Tier tier() const override { return Tier::llvm; }
    [[nodiscard]] std::optional<CodeListing> listing() const override {
        // One name for all: what became of single functions the optimiser does not tell.
        return CodeListing{code_.bytes().first(text_bytes_), code_.address(), {}, {0}, marks_};
    }
    [[nodiscard]] std::uint64_t code_bytes() const override { return code_.bytes().size(); }

  private:
    [[gnu::noinline]] std::uint64_t run_inside(void* context, helpers::Invocation& invocation) {
        const auto outer_call_back = invocation.call_back;
        void* const outer_engine = invocation.engine;
        const std::uint64_t outer_budget = invocation.loop_budget;
        invocation.engine = nullptr;
        const std::uint64_t result = code::enter_optimised(guarded_, context, invocation);
        invocation.call_back = outer_call_back;
        invocation.engine = outer_engine;
        invocation.loop_budget = outer_budget;
        return result;
    }

    code::CodeImage code_;
    std::vector<CodeListing::Mark> marks_; // when they were asked for
    std::uint32_t text_bytes_;
    code::OptimisedCode guarded_;
};

} // namespace

// An image comes from another process: where it says code came from is looked up in the program.
Result<std::unique_ptr<Executable>>
place_optimised(jit::Image image, const verify::VerifiedProgram& program, const Binding& binding) {
    const bool marks_fit = std::ranges::all_of(
        image.marks, [&](const jit::CodeMark& mark) { return mark.insn < program.insns().size(); });
    if (!marks_fit) {
        return fail(Code::invalid_input, "the image has marks of another program");
    }
    TRY(jit::bind(image, binding));
    code::CodeImage code = TRY(code::CodeImage::place(image.code));
    return std::unique_ptr<Executable>(
        std::make_unique<OptimisedExecutable>(std::move(code), image, program));
}

Result<std::unique_ptr<Executable>> make_optimised(const verify::VerifiedProgram& program,
                                                   const Binding& binding) {
    const Optimiser* const compiler = TRY(optimiser());
    const std::vector<jit::MapShape> shapes = jit::map_shapes(program, binding);
    Compiled compiled = TRY(compiler->compile({.program = program, .shapes = shapes}));
    return place_optimised(std::move(compiled.image), program, binding);
}

namespace {

Result<std::unique_ptr<Executable>> made_apart(const OptimiserJob& job, const Binding& binding,
                                               CacheUse cache) {
    const auto process = TRY(CompilerProcess::start());
    TRY(process->link().send(job, {}, cache));
    Compiled compiled = TRY(process->link().receive());
    return place_optimised(std::move(compiled.image), job.program, binding);
}

} // namespace

Result<std::unique_ptr<Executable>> make_optimised_apart(const verify::VerifiedProgram& program,
                                                         const Binding& binding) {
    const std::vector<jit::MapShape> shapes = jit::map_shapes(program, binding);
    return made_apart({.program = program, .shapes = shapes}, binding, CacheUse::usual);
}

Result<std::unique_ptr<Executable>>
make_optimised_with_lines(const verify::VerifiedProgram& program, const Binding& binding) {
    const std::vector<jit::MapShape> shapes = jit::map_shapes(program, binding);
    return made_apart({.program = program, .shapes = shapes, .with_lines = true}, binding,
                      CacheUse::none);
}

} // namespace skep::run
