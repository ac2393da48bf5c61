// SPDX-License-Identifier: Apache-2.0
//
// An optimiser that does what none should, as SKEP_BROKEN_OPTIMISER says: for tests of what becomes
// of the process around it.
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "skep/run/optimised/optimiser.hpp"

namespace skep::tests {
namespace {

class Broken final : public run::Optimiser {
  public:
    [[nodiscard]] std::string description() const override { return "broken"; }
    [[nodiscard]] Result<run::Compiled> compile(const run::OptimiserJob&) const override {
        const char* named = std::getenv("SKEP_BROKEN_OPTIMISER"); // NOLINT: one thread
        const std::string_view way = named == nullptr ? "" : named;
        if (way == "hangs") {
            for (volatile bool goes_on = true; goes_on;) {
            }
        }
        if (way == "grows") {
            for (std::vector<std::vector<char>> all;;) {
                all.emplace_back(1U << 20, 'x');
            }
        }
        if (way == "dies") {
            std::fputs("LLVM ERROR: something that cannot be\n", stderr);
            std::abort();
        }
        if (way == "lies") { // an entry outside of the code
            run::Compiled compiled;
            compiled.image.code.assign(16, 0x90);
            compiled.image.text_bytes = 16;
            compiled.image.entry_offset = 4096;
            return compiled;
        }
        return fail(Code::unsupported, "broken on purpose");
    }
    void warm_up() const override {}
    [[nodiscard]] Result<run::AheadObject> compile_ahead(const run::AheadJob&) const override {
        return fail(Code::unsupported, "broken on purpose");
    }
};

} // namespace
} // namespace skep::tests

extern "C" {
[[gnu::visibility("default")]] extern const char* const skep_optimiser_build; // NOLINT: a C symbol
const char* const skep_optimiser_build = skep::run::kOptimiserBuild;          // NOLINT: a C symbol

[[gnu::visibility("default")]] const skep::run::Optimiser* skep_optimiser() {
    static const skep::tests::Broken broken;
    return &broken;
}
}
