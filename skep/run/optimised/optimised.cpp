// SPDX-License-Identifier: Apache-2.0
//
// Optimised code as an Executable.
//
// It keeps no register for the engine, so a fault in it finds its frame through the thread: see
// code/guard.hpp.
#include <algorithm>
#include <chrono>

#include "skep/run/code/code_memory.hpp"
#include "skep/run/code/guard.hpp"
#include "skep/run/executable.hpp"
#include "skep/run/jit/compile.hpp"
#include "skep/run/optimised/cache.hpp"
#include "skep/run/optimised/optimiser.hpp"
#include "skep/spec/limits.hpp"

namespace skep::run {
namespace {

constexpr std::uint32_t kMillisecondsMost = 2000; // in the background

using CallBack = decltype(helpers::Invocation::call_back);

class OptimisedExecutable final : public Executable {
  public:
    OptimisedExecutable(code::CodeImage code, const jit::Image& image)
        : code_(std::move(code)), text_bytes_(image.text_bytes),
          entry_(code_.address() + image.entry_offset),
          call_back_(reinterpret_cast<CallBack>(code_.address() +
                                                image.callback_offset)) { // NOLINT: our own
        for (const jit::CodeMark& mark : image.marks) {
            marks_.push_back({mark.offset, mark.insn});
        }
    }

    // A program that another one called (a tail call) runs on the same invocation: what this run
    // needs of it is put back afterwards.
    std::uint64_t run(void* context, helpers::Invocation& invocation) override {
        code::GuardFrame frame;
        const auto outer_call_back = invocation.call_back;
        void* const outer_engine = invocation.engine;
        const std::uint64_t outer_budget = invocation.loop_budget;
        invocation.call_back = call_back_;
        invocation.engine = &frame; // one-pass code that is called from here is not outermost
        invocation.loop_budget = spec::limits::loop_iterations;
        const std::uint64_t result =
            code::enter_optimised(entry_, context, invocation, code_.bytes(), frame);
        invocation.call_back = outer_call_back;
        invocation.engine = outer_engine;
        invocation.loop_budget = outer_budget;
        if (frame.instruction != 0) {
            ++invocation.faults;
        }
        return result;
    }

    [[nodiscard]] Tier tier() const override { return Tier::llvm; }
    [[nodiscard]] std::optional<CodeListing> listing() const override {
        // One name for all: what became of single functions the optimiser does not tell.
        return CodeListing{code_.bytes().first(text_bytes_), code_.address(), {}, {0}, marks_};
    }
    [[nodiscard]] std::uint64_t code_bytes() const override { return code_.bytes().size(); }

  private:
    code::CodeImage code_;
    std::vector<CodeListing::Mark> marks_; // when they were asked for
    std::uint32_t text_bytes_;
    std::uintptr_t entry_;
    CallBack call_back_;
};

// Who looks up what an instruction cost relies on it.
bool has_marks_of(const jit::Image& image, const OptimiserJob& job) {
    return image.marks.empty() != job.with_lines &&
           std::ranges::all_of(image.marks, [&](const jit::CodeMark& mark) {
               return mark.insn < job.program.insns().size();
           });
}

// A cache that cannot be used is none.
Result<jit::Image> image_of(const OptimiserJob& job, CacheUse use) {
    const Optimiser* const compiler = TRY(optimiser());
    if (use == CacheUse::none) {
        return compiler->compile(job);
    }
    const Result<ImageCache> cache = ImageCache::open(ImageCache::usual_directory());
    const Sha256Digest key = cache_key(job, optimiser_identity() + compiler->description());
    if (cache.ok()) {
        std::optional<jit::Image> kept = cache->find(key);
        if (kept.has_value() && has_marks_of(*kept, job)) {
            return *std::move(kept);
        }
    }
    const auto begin = std::chrono::steady_clock::now();
    jit::Image image = TRY(compiler->compile(job));
    const bool was_cut_short = std::chrono::steady_clock::now() - begin >=
                               std::chrono::milliseconds(job.milliseconds_most);
    if (cache.ok() && !was_cut_short) { // what time made worse is not kept for better times
        static_cast<void>(cache->keep(key, image));
    }
    return image;
}

Result<std::unique_ptr<Executable>> placed(jit::Image image, const Binding& binding) {
    TRY(jit::bind(image, binding));
    code::CodeImage code = TRY(code::CodeImage::place(image.code));
    return std::unique_ptr<Executable>(
        std::make_unique<OptimisedExecutable>(std::move(code), image));
}

} // namespace

Result<std::unique_ptr<Executable>> make_optimised(const verify::VerifiedProgram& program,
                                                   const Binding& binding, CacheUse cache) {
    const std::vector<jit::MapShape> shapes = jit::map_shapes(program, binding);
    return placed(
        TRY(image_of({.program = program,
                      .shapes = shapes,
                      .milliseconds_most = cache == CacheUse::usual ? kMillisecondsMost : 0},
                     cache)),
        binding);
}

Result<std::unique_ptr<Executable>>
make_optimised_with_lines(const verify::VerifiedProgram& program, const Binding& binding) {
    const std::vector<jit::MapShape> shapes = jit::map_shapes(program, binding);
    return placed(
        TRY(image_of({.program = program, .shapes = shapes, .with_lines = true}, CacheUse::none)),
        binding);
}

Result<std::unique_ptr<Executable>> make_optimised(const verify::VerifiedProgram& program,
                                                   const Binding& binding) {
    return make_optimised(program, binding, CacheUse::none);
}

} // namespace skep::run
