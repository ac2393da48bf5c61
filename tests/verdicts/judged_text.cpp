// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/judged_text.hpp"

namespace skep::tests {

JudgedText judge_text(const std::string& text, const btf::Btf& types, ProgramSpec kind) {
    JudgedText judged{std::move(kind), {}};
    Result<std::vector<RawInsn>> insns = assemble_with(text, types);
    EXPECT_TRUE(insns.ok()) << (insns.ok() ? "" : insns.error().message);
    judged.program.insns = insns.ok() ? std::move(insns).value() : std::vector<RawInsn>{};
    verify::Environment environment;
    environment.kernel_types = &types;
    environment.log_level = verify::kLogAll;
    judged.outcome = verify::verify(judged.program, environment);
    return judged;
}

JudgedText judge_text(const std::string& text, const btf::Btf& types, spec::ProgramType type) {
    ProgramSpec kind;
    kind.type = type;
    kind.license = "GPL";
    return judge_text(text, types, std::move(kind));
}

} // namespace skep::tests
