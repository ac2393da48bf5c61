// SPDX-License-Identifier: Apache-2.0
//
// Optimised code as an Executable.
//
// It keeps no register for the engine, so a fault in it finds its frame through the thread: see
// code/guard.hpp.
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
    OptimisedExecutable(code::CodeImage code, jit::Image image)
        : code_(std::move(code)), insn_offsets_(std::move(image.insn_offsets)),
          text_bytes_(image.text_bytes), entry_(code_.address() + image.entry_offset),
          call_back_(reinterpret_cast<CallBack>(code_.address() + image.callback_offset)) {
    } // NOLINT: our own code

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
        // One name for all of it: what became of single functions the optimiser does not tell.
        return CodeListing{code_.bytes().first(text_bytes_), code_.address(), insn_offsets_, {0}};
    }
    [[nodiscard]] std::uint64_t code_bytes() const override { return code_.bytes().size(); }

  private:
    code::CodeImage code_;
    std::vector<std::uint32_t> insn_offsets_;
    std::uint32_t text_bytes_;
    std::uintptr_t entry_;
    CallBack call_back_;
};

// A cache that cannot be used is none.
Result<jit::Image> image_of(const OptimiserJob& job, CacheUse use) {
    const Optimiser* const compiler = TRY(optimiser());
    if (use == CacheUse::none) {
        return compiler->compile(job);
    }
    const Result<ImageCache> cache = ImageCache::open(ImageCache::usual_directory());
    const Sha256Digest key = cache_key(job, optimiser_identity() + compiler->description());
    if (cache.ok()) {
        if (std::optional<jit::Image> kept = cache->find(key); kept.has_value()) {
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

} // namespace

Result<std::unique_ptr<Executable>> make_optimised(const verify::VerifiedProgram& program,
                                                   const Binding& binding, CacheUse cache) {
    const std::vector<jit::MapShape> shapes = jit::map_shapes(program, binding);
    jit::Image image =
        TRY(image_of({program, shapes, cache == CacheUse::usual ? kMillisecondsMost : 0}, cache));
    TRY(jit::bind(image, binding));
    code::CodeImage code = TRY(code::CodeImage::place(image.code));
    return std::unique_ptr<Executable>(
        std::make_unique<OptimisedExecutable>(std::move(code), std::move(image)));
}

Result<std::unique_ptr<Executable>> make_optimised(const verify::VerifiedProgram& program,
                                                   const Binding& binding) {
    return make_optimised(program, binding, CacheUse::none);
}

} // namespace skep::run
