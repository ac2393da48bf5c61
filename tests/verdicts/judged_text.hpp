// SPDX-License-Identifier: Apache-2.0
//
// A program as text, judged with the types of a kernel: for tests that hold verdicts against it.
#pragma once

#include <string>

#include <gtest/gtest.h>

#include "skep/verify/verify.hpp"
#include "tests/support/kernel_types.hpp"

namespace skep::tests {

struct JudgedText {
    ProgramSpec program;
    verify::Outcome outcome;

    [[nodiscard]] bool accepted() const { return outcome.verdict == verify::Verdict::accept; }
    // "accepted", or the kernel's words for the refusal.
    [[nodiscard]] std::string words() const { return accepted() ? "accepted" : outcome.message; }
};

// `kind`: all of the program but its instructions.
JudgedText judge_text(const std::string& text, const btf::Btf& types, ProgramSpec kind);
// The same of a GPL program.
JudgedText judge_text(const std::string& text, const btf::Btf& types, spec::ProgramType type);

// Skipped where the running kernel tells no types.
class WithKernelTypes : public testing::Test {
  protected:
    void SetUp() override {
        types_ = kernel_types();
        if (!types_.has_value()) {
            GTEST_SKIP() << "there are no kernel types here";
        }
    }

    std::optional<btf::Btf> types_;
};

} // namespace skep::tests
