// SPDX-License-Identifier: Apache-2.0
//
// The input seeds the generator of valid programs; every engine must agree with the witness.
#include <cstring>

#include "tests/support/engines.hpp"
#include "tests/support/program_generator.hpp"
#include "tests/support/unchecked.hpp"
#include "tests/support/witness.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::seed_seq seed(data, data + size);
    std::mt19937_64 random(seed);
    skep::tests::GeneratorOptions options;
    options.pieces = size == 0 ? 1 : 1 + data[0] % 100U;
    const std::vector<skep::RawInsn> insns = skep::tests::generate_program(random, options);
    const auto expected = skep::tests::witness(insns, nullptr);
    SKEP_ASSERT(expected.has_value());
    const auto program = skep::tests::unchecked(insns);
    for (const skep::tests::Engine& engine : skep::tests::engines(size)) {
        const auto result = skep::tests::run_once(engine, program, nullptr);
        SKEP_ASSERT(result.ok() && *result == *expected);
    }
    return 0;
}
