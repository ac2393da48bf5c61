// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/image_file.hpp"

#include <gtest/gtest.h>

#include "skep/verify/verify.hpp"

namespace skep::run {
namespace {

verify::VerifiedProgram a_program() {
    ProgramSpec spec;
    spec.name = "two";
    spec.type = spec::ProgramType::socket_filter;
    spec.license = "GPL";
    spec.insns = {{0xb7, 0, 0, 2}, {0x95, 0, 0, 0}};
    return *verify::verify(spec, {}).program;
}

TEST(JobFile, ComesBackAsItWas) {
    const auto program = a_program();
    const std::vector<jit::MapShape> none;
    const auto read = read_job(write_job({.program = program, .shapes = none, .with_lines = true}));
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->program.encode(), program.encode());
    EXPECT_TRUE(read->shapes.empty());
    EXPECT_TRUE(read->with_lines);
}

TEST(JobFile, HasNoMoreShapesThanItsProgramHasMaps) {
    const std::vector<jit::MapShape> one(1);
    const auto program = a_program();
    EXPECT_FALSE(read_job(write_job({.program = program, .shapes = one})).ok());
}

TEST(JobFile, IsReadWhateverItHolds) {
    const auto program = a_program();
    const ByteVector whole = write_job({.program = program, .shapes = {}});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(read_job(Bytes(whole).first(size)).ok()) << size;
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
        ByteVector changed = whole;
        changed[at] = static_cast<std::uint8_t>(~changed[at]);
        static_cast<void>(read_job(changed)); // an error or another program
    }
}

} // namespace
} // namespace skep::run
