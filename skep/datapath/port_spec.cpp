// SPDX-License-Identifier: Apache-2.0
#include "skep/datapath/port_spec.hpp"

#include <string_view>

#include <cerrno>

#include <fmt/format.h>

#include "skep/os/files.hpp"
#include "skep/os/net/capture_file.hpp"
#include "skep/os/net/net_device.hpp"

namespace skep::datapath {
namespace {

constexpr std::string_view kCapturePrefix = "pcap:";
constexpr std::string_view kTapPrefix = "tap:";
constexpr std::string_view kWirePrefix = "wire:";

Result<OpenedPort> open_capture(std::string_view paths) {
    const std::size_t comma = paths.find(',');
    const std::string in(paths.substr(0, comma));
    if (in.empty()) {
        return fail(Code::invalid_input, "'pcap:' needs a capture to read: pcap:IN[,OUT]");
    }
    OpenedPort port;
    port.spec.kind = PortKind::capture;
    const std::string in_path = TRY(os::absolute_path(in));
    port.spec.name = fmt::format("pcap:{}", in_path);
    port.files.push_back(TRY(os::open_to_read(in_path)));
    if (comma == std::string_view::npos) {
        return port;
    }
    const std::string out(paths.substr(comma + 1));
    if (out.empty()) {
        return fail(Code::invalid_input,
                    "after the comma of 'pcap:IN,OUT' the file to write is missing");
    }
    const std::string out_path = TRY(os::absolute_path(out));
    if (out_path == in_path) {
        return fail(
            Code::invalid_input,
            fmt::format("{} cannot be read and written at once: give OUT another name", out_path));
    }
    port.spec.name += fmt::format(",{}", out_path);
    port.spec.out_is_pcapng = os::capture_format_of(out_path) == os::CaptureFormat::pcapng;
    port.files.push_back(TRY(os::create_to_write(out_path)));
    return port;
}

Result<std::uint32_t> index_of_interface(const std::string& device) {
    Result<std::uint32_t> index = os::interface_index(device);
    if (!index.ok()) {
        return Error{
            Code::invalid_input, EINVAL,
            fmt::format("invalid devname {}\nit is no interface here, and no pcap:IN[,OUT] "
                        "or tap:NAME either",
                        device)};
    }
    return index;
}

} // namespace

Result<OpenedPort> open_port_files(const std::string& device) {
    const std::string_view name(device);
    if (name.starts_with(kCapturePrefix)) {
        return open_capture(name.substr(kCapturePrefix.size()));
    }
    if (name.starts_with(kWirePrefix)) {
        return fail(Code::unsupported,
                    "two-port devices (wire:IF,host:TAP) are not built yet; pcap:IN[,OUT], "
                    "tap:NAME and observing an interface are");
    }
    OpenedPort port;
    port.spec.name = device;
    port.spec.network_namespace = TRY(os::network_namespace());
    if (name.starts_with(kTapPrefix)) {
        const std::string tap(name.substr(kTapPrefix.size()));
        port.spec.kind = PortKind::tap;
        port.files.push_back(TRY(os::open_tap(tap)));
        port.spec.ifindex = TRY(os::interface_index(tap));
        return port;
    }
    port.spec.kind = PortKind::observe;
    port.spec.ifindex = TRY(index_of_interface(device));
    port.files.push_back(TRY(os::open_packet_observer(device)));
    return port;
}

Result<void> check_device(const std::string& device) {
    const std::string_view name(device);
    if (!name.starts_with(kCapturePrefix) && !name.starts_with(kTapPrefix)) {
        TRY(index_of_interface(device));
    }
    return {};
}

Result<std::string> port_name(const std::string& device) {
    const std::string_view name(device);
    if (!name.starts_with(kCapturePrefix)) {
        return device;
    }
    const std::string_view paths = name.substr(kCapturePrefix.size());
    const std::size_t comma = paths.find(',');
    std::string listed(kCapturePrefix);
    listed += TRY(os::absolute_path(std::string(paths.substr(0, comma))));
    if (comma != std::string_view::npos) {
        listed += "," + TRY(os::absolute_path(std::string(paths.substr(comma + 1))));
    }
    return listed;
}

std::string enforcement_of(PortKind kind) {
    switch (kind) {
    case PortKind::capture:
        return "PASS and TX are written to OUT, DROP and ABORTED are not";
    case PortKind::tap:
        return "TX goes back into the TAP, DROP and ABORTED nowhere; PASS ends here: this port is "
               "the far end";
    case PortKind::observe:
        return "verdicts are counted, not enforced: the program sees a copy";
    }
    return "";
}

const char* word_of(PortKind kind) {
    switch (kind) {
    case PortKind::capture:
        return "pcap";
    case PortKind::tap:
        return "tap";
    case PortKind::observe:
        return "observe";
    }
    return "";
}

} // namespace skep::datapath
