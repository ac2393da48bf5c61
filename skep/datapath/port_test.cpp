// SPDX-License-Identifier: Apache-2.0
//
// Ports driven by programs that are plain functions: what is tested is the loop, not an engine.
#include "skep/datapath/port.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "skep/os/files.hpp"
#include "skep/os/net/capture_file.hpp"

namespace skep::datapath {
namespace {

class FunctionProgram final : public run::Executable {
  public:
    explicit FunctionProgram(std::function<std::uint64_t(spec::HostXdp&)> body)
        : body_(std::move(body)) {}
    std::uint64_t run_alone(void* context, helpers::Invocation& /*invocation*/) override {
        return body_(*static_cast<spec::HostXdp*>(context));
    }
    [[nodiscard]] run::Tier tier() const override { return run::Tier::interpreter; }

  private:
    std::function<std::uint64_t(spec::HostXdp&)> body_;
};

// A file of the test's own: others run at the same time.
std::string temporary(const char* name) {
    return testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() +
           "_" + name;
}

void write_capture(const std::string& path, const std::vector<std::size_t>& sizes) {
    auto writer =
        os::CaptureWriter::create(os::create_to_write(path).value(), os::CaptureFormat::pcap)
            .value();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        const ByteVector bytes(sizes[i], static_cast<std::uint8_t>(i));
        ASSERT_TRUE(writer.write({bytes, static_cast<std::uint32_t>(sizes[i]), 1000 + i}).ok());
    }
}

struct Replay {
    SharedCounters counters = SharedCounters::create().value();
    Progress progress = Progress::more;
};

Replay replay(const std::string& device, run::Executable& program) {
    Replay outcome;
    static const helpers::Services kNoServices;
    XdpRun run(kNoServices, 0, {});
    run.set_program(program);
    Redirects redirects;
    auto port = make_port(open_port_files(device).value(), outcome.counters, redirects).value();
    while (outcome.progress == Progress::more) {
        outcome.progress = port->run_batch(run, 2);
    }
    return outcome;
}

TEST(Port, ACaptureIsReplayedAndWhatPassesIsWritten) {
    const std::string in = temporary("skep_port_in.pcap");
    const std::string out = temporary("skep_port_out.pcapng");
    write_capture(in, {60, 61, 62, 63, 64, 65});
    // By size: pass, drop, send back, abort, redirect, an answer that is no action.
    FunctionProgram program([](spec::HostXdp& context) -> std::uint64_t {
        constexpr std::uint64_t kAnswers[] = {2, 1, 3, 0, 4, 77};
        return kAnswers[context.data_end - context.data - 60];
    });
    const Replay outcome = replay("pcap:" + in + "," + out, program);
    EXPECT_EQ(outcome.progress, Progress::ended);
    EXPECT_EQ(outcome.counters->packets, 6U);
    for (std::uint32_t action = 0; action < kXdpActions; ++action) {
        EXPECT_EQ(outcome.counters->verdicts[action], 1U) << kXdpActionNames[action];
    }
    EXPECT_EQ(outcome.counters->unknown_verdicts, 1U);
    EXPECT_EQ(outcome.counters.state_text(), "ended");

    auto reader = os::CaptureReader::open(os::open_to_read(out).value()).value();
    const auto first = reader.next().value().value();
    EXPECT_EQ(first.bytes.size(), 60U);
    EXPECT_EQ(first.time_ns, 1000U);
    EXPECT_EQ(reader.next().value()->bytes.size(), 62U);
    EXPECT_FALSE(reader.next().value().has_value());
}

TEST(Port, TheProgramMayMoveThePacketsEnds) {
    const std::string in = temporary("skep_port_in.pcap");
    const std::string out = temporary("skep_port_out.pcap");
    write_capture(in, {60});
    FunctionProgram program([](spec::HostXdp& context) -> std::uint64_t {
        context.data += 14;
        context.data_end += 4;
        return 2;
    });
    replay("pcap:" + in + "," + out, program);
    auto reader = os::CaptureReader::open(os::open_to_read(out).value()).value();
    EXPECT_EQ(reader.next().value()->bytes.size(), 50U);
}

TEST(Port, FramesThatNoProgramMaySeeAreCountedApart) {
    const std::string in = temporary("skep_port_in.pcap");
    write_capture(in, {13, 9000, 60});
    FunctionProgram program([](spec::HostXdp&) -> std::uint64_t { return 2; });
    const Replay outcome = replay("pcap:" + in, program);
    EXPECT_EQ(outcome.counters->too_short, 1U);
    EXPECT_EQ(outcome.counters->too_long, 1U);
    EXPECT_EQ(outcome.counters->verdicts[2], 1U);
}

TEST(Port, ACaptureIsNotWrittenOverUnderAnotherName) {
    const std::string in = temporary("in.pcap");
    const std::string other = temporary("other.pcap");
    write_capture(in, {60, 61});
    const auto size = std::filesystem::file_size(in);
    std::filesystem::remove(other);
    std::filesystem::create_symlink(in, other);
    EXPECT_EQ(open_port_files("pcap:" + in + "," + other).error().code, Code::invalid_input);
    std::filesystem::remove(other);
    std::filesystem::create_hard_link(in, other);
    EXPECT_EQ(open_port_files("pcap:" + in + "," + other).error().code, Code::invalid_input);
    EXPECT_EQ(std::filesystem::file_size(in), size);
    std::filesystem::remove(other);
    std::ofstream(other) << "text";
    SharedCounters counters = SharedCounters::create().value();
    Redirects redirects;
    const auto text = make_port(open_port_files("pcap:" + other).value(), counters, redirects);
    EXPECT_NE(text.error().message.find(other), std::string::npos) << text.error().message;
    std::filesystem::remove(other);
}

TEST(Port, DevicesThatMakeNoSenseAreExplained) {
    EXPECT_NE(open_port_files("pcap:").error().message.find("pcap:IN[,OUT]"), std::string::npos);
    EXPECT_EQ(open_port_files("pcap:/nowhere.pcap").error().code, Code::not_found);
    EXPECT_FALSE(open_port_files("pcap:/tmp/a,/tmp/a").ok());
    EXPECT_NE(port_name("pcap:").error().message.find("pcap:IN[,OUT]"), std::string::npos);
    EXPECT_NE(port_name("pcap:a,").error().message.find("file to write"), std::string::npos);
    EXPECT_EQ(open_port_files("wire:eth9,host:t0").error().code, Code::unsupported);
    EXPECT_FALSE(open_port_files("nodev9").ok());
}

} // namespace
} // namespace skep::datapath
