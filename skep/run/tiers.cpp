// SPDX-License-Identifier: Apache-2.0
#include "skep/run/tiers.hpp"

#include <array>

#include <fmt/format.h>

#include "skep/run/interpreter/checked.hpp"
#include "skep/run/optimised/optimiser.hpp"

namespace skep::run {
namespace {

using Maker = Result<std::unique_ptr<Executable>> (*)(const verify::VerifiedProgram&,
                                                      const Binding&);

// A build for those who work on skep asserts what the verifier claims.
#if defined(NDEBUG)
constexpr Maker kMakeInterpreter = make_interpreter;
#else
constexpr Maker kMakeInterpreter = make_checked;
#endif

struct TierRow {
    Tier tier;
    std::string_view name;
    Maker make;               // null: not in this build
    std::string_view missing; // then: why
};

#if defined(__x86_64__) || defined(__aarch64__)
constexpr Maker kMakeJit = make_jit;
#else
constexpr Maker kMakeJit = nullptr;
#endif

constexpr std::array kTiers{
    TierRow{Tier::interpreter, "interpreter", kMakeInterpreter, ""},
    TierRow{Tier::jit, "jit", kMakeJit, "there is no code generator for this machine"},
    TierRow{Tier::llvm, "llvm", make_optimised_apart, ""},
};

const TierRow& row(Tier tier) { return kTiers[static_cast<std::size_t>(tier)]; }

} // namespace

std::string_view name_of(Tier tier) { return row(tier).name; }

std::optional<Tier> tier_named(std::string_view name) {
    for (const TierRow& one : kTiers) {
        if (one.name == name) {
            return one.tier;
        }
    }
    return std::nullopt;
}

std::string tier_names(std::string_view between) {
    std::string all;
    for (const TierRow& one : kTiers) {
        all += fmt::format("{}{}", all.empty() ? "" : between, one.name);
    }
    return all;
}

Result<void> check_available(Tier tier) {
    if (row(tier).make == nullptr) {
        return fail(Code::unsupported,
                    fmt::format("tier '{}': {}", name_of(tier), row(tier).missing));
    }
    if (tier == Tier::llvm) {
        TRY_WHILE("tier 'llvm'", optimiser_is_installed());
    }
    return {};
}

Result<Ready> make_executable(const verify::VerifiedProgram& program, const Binding& binding,
                              std::optional<Tier> wanted) {
    if (wanted.has_value()) {
        TRY(check_available(*wanted));
        auto executable = TRY(row(*wanted).make(program, binding));
        return Ready{std::move(executable), "it was asked for"};
    }
    if (const Result<void> available = check_available(Tier::jit); !available.ok()) {
        auto executable = TRY(make_interpreter(program, binding));
        return Ready{std::move(executable), available.error().message};
    }
    Result<std::unique_ptr<Executable>> machine_code = make_jit(program, binding);
    if (machine_code.ok()) {
        return Ready{std::move(machine_code).value(), "machine code is ready in microseconds"};
    }
    // A system may forbid memory that can be executed; what is wrong with the program itself the
    // interpreter would refuse too, and its word is as good.
    std::string reason = fmt::format("no machine code: {}", machine_code.error().message);
    auto executable = TRY(make_interpreter(program, binding));
    return Ready{std::move(executable), std::move(reason)};
}

} // namespace skep::run
