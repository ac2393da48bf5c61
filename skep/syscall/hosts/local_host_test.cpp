// SPDX-License-Identifier: Apache-2.0
//
// The host of an embedded engine: what ends when nobody holds it any more.
#include "skep/syscall/hosts/local_host.hpp"

#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/os/files.hpp"
#include "skep/os/net/capture_file.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/registry/registry.hpp"
#include "skep/verify/verify.hpp"
#include "skep/workers/profile.hpp"

namespace skep::syscall {
namespace {

constexpr std::size_t kPackets = 40;

std::shared_ptr<registry::ProgramObject> passing_program() {
    ProgramSpec program;
    program.type = spec::ProgramType::xdp;
    program.license = "GPL";
    program.insns = assemble("r0 = 2\nexit").value().insns;
    auto outcome = verify::verify(program, {});
    auto object = std::make_shared<registry::ProgramObject>();
    object->program =
        std::make_shared<const verify::VerifiedProgram>(std::move(outcome.program).value());
    return object;
}

std::string write_capture() {
    std::string path = testing::TempDir() + "skep_local_host_test.pcap";
    auto writer =
        os::CaptureWriter::create(os::create_to_write(path).value(), os::CaptureFormat::pcap)
            .value();
    const ByteVector bytes(64);
    for (std::size_t i = 0; i < kPackets; ++i) {
        EXPECT_TRUE(writer.write({bytes, 64, 1000 + i}).ok());
    }
    return path;
}

// The whole capture through the program.
void replay(LocalHost& host, const std::string& capture,
            const std::shared_ptr<registry::ProgramObject>& program) {
    const auto number =
        host.attach(datapath::open_port_files("pcap:" + capture).value(), program).value();
    constexpr int kMostWaits = 2000;
    for (int i = 0; i < kMostWaits && host.attachments().at(0).state != "ended"; ++i) {
        ASSERT_TRUE(os::wait_readable({}, 5).ok());
    }
    EXPECT_EQ(host.attachments().at(0).state, "ended");
    host.detach(number);
}

std::uint64_t runs_in(const os::Fd& counts) {
    return workers::ProfileCounts::open(counts, 2, os::Protection::read_only).value().runs().load();
}

TEST(LocalHost, AProfileEndsWithItsHolderWhereOnlyPortsRun) {
    const auto objects = std::move(registry::Registry::create({}).value());
    const auto host = std::move(LocalHost::create(1).value());
    const auto program = passing_program();
    ASSERT_TRUE(objects->add(program).ok());
    const std::string capture = write_capture();
    {
        const os::Fd held = std::move(host->profile(program).value());
        replay(*host, capture, program);
        EXPECT_EQ(runs_in(held), kPackets);
    }
    replay(*host, capture, program); // nobody holds it: nothing is counted
    const os::Fd again = std::move(host->profile(program).value());
    EXPECT_EQ(runs_in(again), kPackets) << "the profile went on without a holder";
    replay(*host, capture, program);
    EXPECT_EQ(runs_in(again), 2 * kPackets);
    host->forget(*program);
}

} // namespace
} // namespace skep::syscall
