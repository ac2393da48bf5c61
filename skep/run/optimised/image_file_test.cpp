// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/image_file.hpp"

#include <tuple>

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

TEST(JobFile, KeepsTheShapesOfItsMaps) {
    ProgramSpec spec;
    spec.name = "two";
    spec.type = spec::ProgramType::socket_filter;
    spec.license = "GPL";
    spec.insns = {{0xb7, 0, 0, 2}, {0x95, 0, 0, 0}};
    const std::vector<spec::MapSpec> maps(1);
    verify::Environment environment;
    environment.maps = maps;
    const auto program = *verify::verify(spec, environment).program;
    std::vector<jit::MapShape> shapes(1);
    shapes[0].way = jit::LookupWay::function;
    shapes[0].key_bytes = 12;
    shapes[0].home = {.lanes = 48,
                      .marks = true,
                      .per_cpu = true,
                      .stride_bytes = 32,
                      .value_at = 24,
                      .cpu_value_bytes = 8,
                      .cpu_stride_bytes = 4096};
    const auto read = read_job(write_job({.program = program, .shapes = shapes}));
    ASSERT_TRUE(read.ok()) << read.error().message;
    ASSERT_EQ(read->shapes.size(), 1U);
    EXPECT_EQ(read->shapes[0].way, jit::LookupWay::function);
    EXPECT_EQ(read->shapes[0].key_bytes, 12U);
    const auto all_of = [](const maps::HomeLanes::Shape& home) {
        return std::tuple(home.lanes, home.marks, home.per_cpu, home.stride_bytes, home.value_at,
                          home.cpu_value_bytes, home.cpu_stride_bytes);
    };
    EXPECT_EQ(all_of(read->shapes[0].home), all_of(shapes[0].home));
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
