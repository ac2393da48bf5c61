// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/tiered.hpp"

#include <algorithm>
#include <chrono>

#include "skep/os/process/thread.hpp"
#include "skep/run/jit/compile.hpp"

namespace skep::run {

using namespace std::chrono_literals;

BackgroundCompiler::BackgroundCompiler() : stop_(os::Wakeup::create()) {
    if (Result<std::thread> thread = os::start_thread([this] { work(); }); thread.ok()) {
        thread_ = std::move(thread).value();
    }
}

BackgroundCompiler::~BackgroundCompiler() {
    {
        const std::lock_guard lock(mutex_);
        stops_ = true;
        if (stop_.ok()) {
            stop_->wake();
        }
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool BackgroundCompiler::offer(TieredExecutable& program) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock.owns_lock() || !thread_.joinable() || queue_.size() >= kQueueMost) {
        return false;
    }
    queue_.push_back(&program);
    changed_.notify_all();
    return true;
}

void BackgroundCompiler::forget(TieredExecutable& program) {
    std::unique_lock lock(mutex_);
    std::erase(queue_, &program);
    if (at_hand_ == &program && stop_.ok()) {
        stop_->wake();
    }
    changed_.wait(lock, [&] { return at_hand_ != &program; });
    std::erase(retiring_, &program);
}

void BackgroundCompiler::work() {
    constexpr auto kBetweenLooks = 5ms; // at old code that still has runs in it
    std::unique_lock lock(mutex_);
    while (!stops_) {
        std::erase_if(retiring_, [](TieredExecutable* one) { return one->free_old(); });
        if (queue_.empty()) {
            if (retiring_.empty()) {
                changed_.wait(lock);
            } else {
                changed_.wait_for(lock, kBetweenLooks);
            }
            continue;
        }
        at_hand_ = queue_.front();
        queue_.pop_front();
        if (stop_.ok()) {
            stop_->clear(); // was for the one before
        }
        lock.unlock();
        at_hand_->compile();
        lock.lock();
        if (at_hand_->optimised_.load() != nullptr) {
            retiring_.push_back(at_hand_);
        }
        at_hand_ = nullptr;
        changed_.notify_all();
    }
}

// The process is ended when it did not answer: what it may still say belongs to no job.
Result<Compiled> BackgroundCompiler::compile(const OptimiserJob& job, const TieringPolicy& policy) {
    if (process_ == nullptr) {
        process_ = TRY(CompilerProcess::start());
    }
    const Result<void> sent = process_->link().send(
        job, policy.bounds, policy.uses_cache ? CacheUse::usual : CacheUse::none);
    Result<Compiled> answer =
        sent.ok() ? process_->link().receive(stop_.ok() ? stop_->fd() : -1) : sent.error();
    if (!answer.ok() &&
        (answer.error().code == Code::again || answer.error().code == Code::system)) {
        process_.reset();
    }
    return answer;
}

TieredExecutable::TieredExecutable(std::unique_ptr<Executable> one_pass,
                                   const verify::VerifiedProgram& program, Binding binding,
                                   TieringPolicy policy, BackgroundCompiler& compiler)
    : one_pass_(std::move(one_pass)), program_(program), binding_(std::move(binding)),
      policy_(policy), compiler_(compiler) {}

TieredExecutable::~TieredExecutable() { compiler_.forget(*this); }

std::uint64_t TieredExecutable::run_alone(void* context, helpers::Invocation& invocation) {
    if (Executable* const code = optimised_.load(std::memory_order_acquire); code != nullptr) {
        return code->run_alone(context, invocation);
    }
    return run_one_pass(context, invocation);
}

// Counted in before the question is asked again: whoever frees the old code stores first and looks
// at the count then, so one of the two sees the other.
std::uint64_t TieredExecutable::run_one_pass(void* context, helpers::Invocation& invocation) {
    inside_.fetch_add(1);
    if (Executable* const code = optimised_.load(); code != nullptr) {
        inside_.fetch_sub(1);
        return code->run_alone(context, invocation);
    }
    const std::uint32_t before = runs_.fetch_add(1, std::memory_order_relaxed);
    if (before == policy_.runs_before && !compiler_.offer(*this)) {
        runs_.store(0, std::memory_order_relaxed); // another time
    }
    const std::uint64_t result = one_pass_->run_alone(context, invocation);
    inside_.fetch_sub(1);
    return result;
}

void TieredExecutable::compile() {
    if (const Result<void> compiled = try_to_compile(); !compiled.ok()) {
        say("stays one-pass code: " + compiled.error().message);
    }
}

Result<void> TieredExecutable::try_to_compile() {
    if (program_.insns().size() > BackgroundCompiler::kInsnsMost) {
        return fail(Code::too_big, "it has more than " +
                                       std::to_string(BackgroundCompiler::kInsnsMost) +
                                       " instructions");
    }
    const std::vector<jit::MapShape> shapes = jit::map_shapes(program_, binding_);
    Compiled compiled = TRY(compiler_.compile({.program = program_, .shapes = shapes}, policy_));
    if (compiled.was_cut_short) {
        say("optimising it was cut short after " +
            std::to_string(policy_.bounds.milliseconds_improving) + " ms");
    }
    owned_optimised_ = TRY(place_optimised(std::move(compiled.image), program_, binding_));
    optimised_.store(owned_optimised_.get());
    return {};
}

void TieredExecutable::say(std::string remark) {
    const std::lock_guard lock(remark_mutex_);
    remark_ = std::move(remark);
}

std::string TieredExecutable::remark() const {
    const std::lock_guard lock(remark_mutex_);
    return remark_;
}

bool TieredExecutable::free_old() {
    if (inside_.load() != 0) {
        return false;
    }
    one_pass_.reset();
    settled_.store(true);
    return true;
}

Tier TieredExecutable::tier() const {
    return optimised_.load() != nullptr ? Tier::llvm : Tier::jit;
}

// Of the optimised code once it is there. One-pass code that was listed is looked at outside, and
// stays: it is counted in and never out.
std::optional<CodeListing> TieredExecutable::listing() const {
    inside_.fetch_add(1);
    const Executable* const code = optimised_.load();
    if (code == nullptr) {
        return one_pass_->listing();
    }
    inside_.fetch_sub(1);
    return code->listing();
}

std::uint64_t TieredExecutable::code_bytes() const {
    inside_.fetch_add(1);
    const Executable* const code = optimised_.load();
    const std::uint64_t bytes = code != nullptr ? code->code_bytes() : one_pass_->code_bytes();
    inside_.fetch_sub(1);
    return bytes;
}

Result<std::unique_ptr<TieredExecutable>> make_tiered(const verify::VerifiedProgram& program,
                                                      const Binding& binding,
                                                      BackgroundCompiler& compiler,
                                                      TieringPolicy policy) {
    auto one_pass = TRY(make_jit(program, binding));
    return std::make_unique<TieredExecutable>(std::move(one_pass), program, binding, policy,
                                              compiler);
}

} // namespace skep::run
