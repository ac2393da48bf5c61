// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/journey/site.hpp"

#include <chrono>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "apps/skep/journey/packets.hpp"
#include "skep/os/command.hpp"
#include "skep/os/files.hpp"
#include "skep/os/net/capture_file.hpp"
#include "skep/os/net/namespaces.hpp"
#include "skep/os/net/net_device.hpp"

namespace skep::journey {
namespace {

constexpr std::uint64_t kFirstPacketNs = 1'767'225'600'000'000'000; // 2026-01-01
constexpr std::uint64_t kBetweenPacketsNs = 1'000'000;

class ReplaySite final : public Site {
  public:
    static Result<std::unique_ptr<Site>> make(const std::string& folder) {
        os::Fd capture = TRY(os::create_to_write(folder + "/in.pcap"));
        auto writer = TRY(os::CaptureWriter::create(std::move(capture), os::CaptureFormat::pcap));
        std::uint64_t time_ns = kFirstPacketNs;
        for (const SamplePacket& packet : sample_packets()) {
            TRY(writer.write(
                {packet.frame, static_cast<std::uint32_t>(packet.frame.size()), time_ns}));
            time_ns += kBetweenPacketsNs;
        }
        TRY(writer.flush());
        return std::unique_ptr<Site>(new ReplaySite());
    }

    [[nodiscard]] std::string device() const override { return "pcap:in.pcap,out.pcap"; }
    [[nodiscard]] std::string says() const override {
        return "The event is a packet's arrival. Here packets come from a capture (in.pcap, six "
               "packets "
               "such as any network carries); what the program passes is written to out.pcap.";
    }
    [[nodiscard]] std::string pin(const std::string& name) const override {
        return "/sys/fs/bpf/" + name;
    }
    [[nodiscard]] Result<std::string> pin_file(Narrator& narrator,
                                               const std::string& name) const override {
        auto result = TRY(os::run_command(narrator.command({"pin", "dir"})));
        while (!result.output.empty() && result.output.back() == '\n') {
            result.output.pop_back();
        }
        return result.output + "/" + name;
    }
    Result<void> let_packets_come(Narrator& narrator) override {
        constexpr int kTries = 100;
        for (int i = 0; i < kTries; ++i) {
            const std::string list = TRY(narrator.ask({"net", "list"}));
            if (list.find("\"ended\"") != std::string::npos ||
                list.find("failed") != std::string::npos) {
                return {};
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return fail(Code::busy, "the capture was not replayed within two seconds");
    }

  private:
    ReplaySite() = default;
};

enum class Needed : bool { no, yes };

Result<void> ip_link(std::vector<std::string> words, Needed needed) {
    words.insert(words.begin(), {"ip", "link"});
    const os::CommandResult result =
        TRY_WHILE("making a veth pair (package iproute2)", os::run_command(words));
    if (result.exit_status != 0 && needed == Needed::yes) {
        return fail(Code::system, fmt::format("making a veth pair: {}", result.output));
    }
    return {};
}

class VethSite final : public Site {
  public:
    static Result<std::unique_ptr<Site>> make() {
        TRY_WHILE("preparing a place for packets", os::enter_own_network_and_mounts());
        TRY(os::mount_filesystem("bpf", "/sys/fs/bpf"));
        if (!os::is_trace_filesystem("/sys/kernel/tracing")) {
            TRY(os::mount_filesystem("tracefs", "/sys/kernel/tracing"));
        }
        TRY(ip_link({"add", "veth0", "type", "veth", "peer", "name", "veth1"}, Needed::yes));
        TRY(ip_link({"set", "lo", "up"}, Needed::yes));
        for (const char* end : {"veth0", "veth1"}) {
            // Else the stack says hello by IPv6, among the journey's packets. Where there is no
            // IPv6 this fails, and nobody says anything.
            TRY(ip_link({"set", end, "addrgenmode", "none"}, Needed::no));
            TRY(ip_link({"set", end, "up"}, Needed::yes));
        }
        return std::unique_ptr<Site>(new VethSite());
    }

    [[nodiscard]] std::string device() const override { return "veth0"; }
    [[nodiscard]] std::string says() const override {
        return "The event is a packet's arrival on an interface. veth0 and veth1 are a pair in a "
               "network "
               "namespace made for this journey: what goes into one comes out of the other.";
    }
    [[nodiscard]] std::string pin(const std::string& name) const override {
        return "/sys/fs/bpf/" + name;
    }
    [[nodiscard]] Result<std::string> pin_file(Narrator& /*narrator*/,
                                               const std::string& name) const override {
        return pin(name);
    }
    Result<void> let_packets_come(Narrator& /*narrator*/) override {
        const os::Fd sender = TRY(os::open_packet_sender("veth1"));
        for (const SamplePacket& packet : sample_packets()) {
            TRY(os::send_packet(sender, packet.frame));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(200)); // the other side's softirq
        return {};
    }

  private:
    VethSite() = default;
};

} // namespace

Result<std::unique_ptr<Site>> make_site(client::EngineKind engine, const std::string& folder) {
    return engine == client::EngineKind::kernel ? VethSite::make() : ReplaySite::make(folder);
}

} // namespace skep::journey
