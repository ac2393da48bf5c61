// SPDX-License-Identifier: Apache-2.0
//
// domain_precision: every abstract operation on every pair of sets of four bits. Prints a row for
// each: how many answers are as close as can be, how much larger the others are, and what is lost
// (nothing may be).
#include <fmt/format.h>

#include "skep/spec/instructions.hpp"
#include "tests/soundness/domain/comparison.hpp"

namespace skep::tests::soundness {
namespace {

bool print(const Measured& measured) {
    const auto answers = static_cast<double>(measured.answers);
    fmt::print("| {} | {} | {:.2f} % | {:.3f} | {} |\n", measured.name, measured.answers,
               100.0 * static_cast<double>(measured.exact) / answers,
               static_cast<double>(measured.members) / static_cast<double>(measured.best_members),
               measured.lost.empty() ? "nothing" : measured.lost);
    return measured.lost.empty();
}

int print_all() {
    bool sound = print(measure_synchronise(1));
    sound &= print(measure_narrowing(1));
    sound &= print(measure_join());
    sound &= print(measure_sign_extension());
    for (const Form form : {Form::whole, Form::low}) {
        for (std::size_t row = 0; row < spec::kAluRows.size(); ++row) {
            if (!has_bytes_in_order(row)) {
                sound &= print(measure_operation(row, form));
            }
        }
        for (std::size_t row = 0; row < spec::kJumpRows.size(); ++row) {
            sound &= print(measure_jump(row, form, true));
            sound &= print(measure_jump(row, form, false));
        }
    }
    return sound ? 0 : 1;
}

} // namespace
} // namespace skep::tests::soundness

int main() {
    fmt::print("| operation | answers | as close as can be | members beside the best | lost |\n"
               "|---|---:|---:|---:|---|\n");
    return skep::tests::soundness::print_all();
}
