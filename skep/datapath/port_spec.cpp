// SPDX-License-Identifier: Apache-2.0
#include "skep/datapath/port_spec.hpp"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "skep/os/files.hpp"
#include "skep/os/net/capture_file.hpp"
#include "skep/os/net/net_device.hpp"

namespace skep::datapath {
namespace {

constexpr std::string_view kCapturePrefix = "pcap:";
constexpr std::string_view kTapPrefix = "tap:";
constexpr std::string_view kWirePrefix = "wire:";

struct CapturePaths {
    std::string in;
    std::optional<std::string> out;
};

// Of what follows "pcap:", made absolute.
Result<CapturePaths> capture_paths(std::string_view text) {
    const std::size_t comma = text.find(',');
    const std::string in(text.substr(0, comma));
    if (in.empty()) {
        return fail(Code::invalid_input, "'pcap:' needs a capture to read: pcap:IN[,OUT]");
    }
    CapturePaths paths{TRY(os::absolute_path(in)), std::nullopt};
    if (comma != std::string_view::npos) {
        const std::string out(text.substr(comma + 1));
        if (out.empty()) {
            return fail(Code::invalid_input,
                        "after the comma of 'pcap:IN,OUT' the file to write is missing");
        }
        paths.out = TRY(os::absolute_path(out));
    }
    return paths;
}

Result<OpenedPort> open_capture(std::string_view text) {
    const CapturePaths paths = TRY(capture_paths(text));
    OpenedPort port;
    port.spec.kind = PortKind::capture;
    port.spec.name = fmt::format("pcap:{}", paths.in);
    port.files.push_back(TRY(os::open_to_read(paths.in)));
    if (!paths.out.has_value()) {
        return port;
    }
    // Under whatever name: opening it to write would empty it.
    std::error_code neither_is_there;
    if (std::filesystem::equivalent(paths.in, *paths.out, neither_is_there)) {
        return fail(Code::invalid_input,
                    fmt::format("{} cannot be read and written at once: give OUT another name",
                                *paths.out));
    }
    port.spec.name += fmt::format(",{}", *paths.out);
    port.spec.out_is_pcapng = os::capture_format_of(*paths.out) == os::CaptureFormat::pcapng;
    port.files.push_back(TRY(os::create_to_write(*paths.out)));
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
    const CapturePaths paths = TRY(capture_paths(name.substr(kCapturePrefix.size())));
    return fmt::format("{}{}{}", kCapturePrefix, paths.in,
                       paths.out.has_value() ? "," + *paths.out : "");
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
