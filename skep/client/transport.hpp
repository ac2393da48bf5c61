// SPDX-License-Identifier: Apache-2.0
//
// Transport: how a request reaches an engine.
//
// Three of them: the running kernel (the system call itself), an engine inside this process, and
// skepd by a socket. Everything above sees bpf(2): a command, attributes with addresses and
// descriptors of this process, a result or a negative errno. What bpf(2) has no call for (ports,
// XDP by netlink, the trace stream) stands beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::client {

enum class EngineKind : std::uint8_t { user, kernel };

// How XDP is attached to a device (XDP_FLAGS_*).
enum class XdpMode : std::uint8_t { any, generic, driver, offload };
enum class Replace : std::uint8_t { no, yes };

// One line of `net list`: a program attached to a device.
struct NetAttachment {
    std::string device;        // "veth0", or on the user engine "pcap:/tmp/in.pcap", "tap:t0", ...
    std::uint32_t ifindex = 0; // 0 for what is no interface
    std::string kind; // "driver", "generic", "offload", "multi"; on the user engine the port's kind
    std::uint32_t prog_id = 0;
    bool enforced = true; // whether verdicts are acted upon
    // Counters of the user engine, by XDP action: aborted, drop, pass, tx, redirect.
    std::vector<std::uint64_t> verdicts;
    std::uint64_t no_redirect_target = 0; // packets whose redirect named no port; dropped
    std::string state;                    // user engine: "running", "ended", or an error
};

// One tc filter, or the flow dissector of a namespace, for `net list`; kernel engine only.
struct TcAttachment {
    std::string device;
    std::uint32_t ifindex = 0;
    std::string kind; // "clsact/ingress", ...
    std::string name;
    std::uint32_t prog_id = 0;
};

// A reader of the trace stream, at its own place in it.
class TraceReader {
  public:
    virtual ~TraceReader() = default;
    // Waits up to `timeout_ms` for the next line (without newline); nothing when none came.
    virtual Result<std::optional<std::string>> next_line(int timeout_ms) = 0;
    // Lines that were overwritten before this reader came to them.
    [[nodiscard]] virtual std::uint64_t lost() const { return 0; }
};

class Transport {
  public:
    virtual ~Transport() = default;

    [[nodiscard]] virtual EngineKind engine() const = 0;

    // As bpf(2): >= 0, or a negative errno.
    virtual long bpf(std::uint32_t command, void* attributes, std::uint32_t size) = 0;
    // Why the last call was refused, in words; empty when the engine has none (the kernel).
    [[nodiscard]] virtual std::string last_message() const { return {}; }

    virtual Result<void> xdp_attach(const std::string& device, int prog_fd, XdpMode mode,
                                    Replace replace) = 0;
    // The same as a link: attached while somebody holds it. One program at a device, as above.
    virtual Result<os::Fd> xdp_link(const std::string& device, int prog_fd, XdpMode mode) = 0;
    virtual Result<void> xdp_detach(const std::string& device, XdpMode mode) = 0;
    virtual Result<std::vector<NetAttachment>>
    xdp_list(const std::optional<std::string>& device) = 0;
    virtual Result<std::vector<TcAttachment>> tc_list(const std::optional<std::string>& device) = 0;
    virtual Result<std::unique_ptr<TraceReader>> open_trace() = 0;

    // Fails when the engine that was last asked has ended; asks it nothing. For who only waits for
    // what it writes.
    [[nodiscard]] virtual Result<void> check_alive() const { return {}; }

    // The directory that stands for /sys/fs/bpf, and a pin path as this engine understands it.
    virtual Result<std::string> pin_directory() = 0;
    virtual Result<std::string> pin_path(const std::string& path) = 0;
    // memlock and frozen of a descriptor, as fdinfo tells them.
    struct FdFacts {
        std::uint64_t memlock = 0;
        bool frozen = false;
        // Of a program array that holds or held programs.
        std::optional<std::uint32_t> owner_program_type;
        bool owner_is_jited = false;
    };
    virtual Result<FdFacts> fd_facts(int fd) = 0;
};

Result<std::unique_ptr<Transport>> connect_kernel();
// Starts skepd when it does not run. Nothing is started for kernel or in-process engines.
Result<std::unique_ptr<Transport>> connect_daemon();
// A private engine that lives as long as the transport.
Result<std::unique_ptr<Transport>> connect_in_process();

} // namespace skep::client
