// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/tier_up.hpp"

#include <cstdio>
#include <utility>

#include "skep/run/jit/compile.hpp"
#include "skep/run/optimised/tiered.hpp"

namespace skep::workers {
namespace {

void tell(const HotProgram& hot, const std::string& why) {
    const std::string line = "program " + std::to_string(hot.id) + " " + why + "\n";
    std::fputs(line.c_str(), stderr); // the daemon's log
}

} // namespace

Result<void> TierUp::try_to_ask(const HotProgram& hot) {
    if (hot.program->insns().size() > run::BackgroundCompiler::kInsnsMost) {
        return fail(Code::too_big, "it has more than " +
                                       std::to_string(run::BackgroundCompiler::kInsnsMost) +
                                       " instructions");
    }
    const auto shapes = run::jit::map_shapes(*hot.program, hot.binding);
    return link_->send({.program = *hot.program, .shapes = shapes}, run::TieringPolicy().bounds,
                       run::CacheUse::usual);
}

void TierUp::forget_if_gone(const Error& why) {
    if (why.code == Code::system) {
        link_.reset();
    }
}

void TierUp::ask(ProgramTable& table) {
    if (!link_.has_value() || asked_.has_value()) {
        return;
    }
    std::optional<HotProgram> hot = table.take_hot();
    if (!hot.has_value()) {
        return;
    }
    const Result<void> asked = try_to_ask(*hot);
    if (asked.ok()) {
        asked_ = std::move(hot);
        return;
    }
    tell(*hot, "stays one-pass code: " + asked.error().message);
    forget_if_gone(asked.error());
}

void TierUp::hear(ProgramTable& table) {
    const HotProgram hot = *std::exchange(asked_, std::nullopt);
    Result<run::Compiled> compiled = link_->receive();
    const Result<void> installed =
        compiled.ok() ? table.install_optimised(hot, std::move(compiled->image)) : compiled.error();
    if (!installed.ok()) {
        tell(hot, "stays one-pass code: " + installed.error().message);
    } else if (compiled->was_cut_short) {
        tell(hot, "is optimised less than it could be: it took too long");
    }
    if (!compiled.ok()) {
        forget_if_gone(compiled.error());
    }
}

} // namespace skep::workers
