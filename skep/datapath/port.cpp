// SPDX-License-Identifier: Apache-2.0
//
// Three devices and one loop. A device is a class with `receive` (a frame into the area given, or
// why there is none) and `deliver` (what the verdict means here); the loop is a template over it.
#include "skep/datapath/port.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "skep/os/machine.hpp"
#include "skep/os/net/capture_file.hpp"
#include "skep/os/net/net_device.hpp"

namespace skep::datapath {
namespace {

constexpr int kRealTime = 0; // CLOCK_REALTIME

enum class Arrival : std::uint8_t { frame, none, end, failed };

void count(std::atomic<std::uint64_t>& counter, std::uint64_t amount = 1) {
    counter.fetch_add(amount, std::memory_order_relaxed);
}

// Frames that a program may not see: counted apart, neither run nor delivered.
bool fits(std::size_t size_bytes, PortCounters& counters) {
    if (size_bytes > kMaxFrameBytes) {
        count(counters.too_long);
        return false;
    }
    if (size_bytes < kMinFrameBytes) {
        count(counters.too_short);
        return false;
    }
    return true;
}

// A capture, read to its end. What is passed or sent back keeps its time.
class CaptureDevice {
  public:
    static Result<CaptureDevice> open(OpenedPort& opened) {
        if (opened.files.empty()) {
            return fail(Code::invalid_input, "a capture port needs the file to read");
        }
        CaptureDevice device(
            TRY_WHILE(opened.spec.name, os::CaptureReader::open(std::move(opened.files[0]))));
        if (opened.files.size() > 1) {
            const os::CaptureFormat format =
                opened.spec.out_is_pcapng ? os::CaptureFormat::pcapng : os::CaptureFormat::pcap;
            device.writer_ = TRY(os::CaptureWriter::create(std::move(opened.files[1]), format));
        }
        return device;
    }

    Arrival receive(MutableBytes area, std::size_t& size_bytes, const SharedCounters& counters) {
        auto packet = reader_.next();
        if (!packet.ok()) {
            counters.fail(packet.error().message);
            return Arrival::failed;
        }
        if (!packet->has_value()) {
            return Arrival::end;
        }
        const os::CapturedPacket& captured = **packet;
        size_bytes = captured.bytes.size();
        time_ns_ = captured.time_ns;
        std::memcpy(area.data(), captured.bytes.data(), std::min(size_bytes, area.size()));
        return Arrival::frame;
    }

    bool deliver(XdpAction action, Bytes packet, const SharedCounters& counters) {
        if (!writer_ || (action != XdpAction::pass && action != XdpAction::tx)) {
            return true;
        }
        const auto written =
            writer_->write({packet, static_cast<std::uint32_t>(packet.size()), time_ns_});
        if (!written.ok()) {
            counters.fail(written.error().message);
        }
        return written.ok();
    }

    bool flush(const SharedCounters& counters) {
        const auto flushed = writer_ ? writer_->flush() : Result<void>();
        if (!flushed.ok()) {
            counters.fail(flushed.error().message);
        }
        return flushed.ok();
    }

    [[nodiscard]] static int waiting_on() { return -1; }
    [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; } // of the packet at hand
    static constexpr bool kEnforces = true;

  private:
    explicit CaptureDevice(os::CaptureReader reader) : reader_(std::move(reader)) {}

    os::CaptureReader reader_;
    std::optional<os::CaptureWriter> writer_;
    std::uint64_t time_ns_ = 0;
};

// What a TAP and an observed interface share: one descriptor, frames by one receive call.
template <Result<std::optional<os::Received>> (*receive_frame)(const os::Fd&, MutableBytes)>
class SocketDevice {
  public:
    explicit SocketDevice(os::Fd fd) : fd_(std::move(fd)) {}

    Arrival receive(MutableBytes area, std::size_t& size_bytes, const SharedCounters& counters) {
        auto received = receive_frame(fd_, area);
        if (!received.ok()) {
            counters.fail(received.error().message);
            return Arrival::failed;
        }
        if (!received->has_value()) {
            return Arrival::none;
        }
        size_bytes = (*received)->size_bytes;
        return Arrival::frame;
    }

    [[nodiscard]] static bool flush(const SharedCounters& /*counters*/) { return true; }
    [[nodiscard]] int waiting_on() const { return fd_.number(); }
    [[nodiscard]] static std::uint64_t time_ns() { return os::clock_ns(kRealTime); }

  protected:
    [[nodiscard]] const os::Fd& fd() const { return fd_; }

  private:
    os::Fd fd_;
};

class TapDevice : public SocketDevice<os::receive_tap> {
  public:
    using SocketDevice::SocketDevice;
    static constexpr bool kEnforces = true;

    bool deliver(XdpAction action, Bytes packet, const SharedCounters& counters) {
        if (action != XdpAction::tx) {
            return true;
        }
        const auto sent = os::send_tap(fd(), packet);
        if (!sent.ok()) {
            counters.fail(sent.error().message);
            return false;
        }
        if (!sent.value()) {
            count(counters->not_sent);
        }
        return true;
    }
};

class ObservedDevice : public SocketDevice<os::receive_observed> {
  public:
    using SocketDevice::SocketDevice;
    static constexpr bool kEnforces = false;
    [[nodiscard]] static bool deliver(XdpAction /*action*/, Bytes /*packet*/,
                                      const SharedCounters& /*counters*/) {
        return true;
    }
};

// What the program said, counted; an unknown answer drops as XDP_ABORTED does in the kernel.
XdpAction judge(std::optional<std::uint32_t> answer, PortCounters& counters) {
    if (!answer) {
        count(counters.faults);
        answer = static_cast<std::uint32_t>(XdpAction::aborted);
    }
    if (*answer >= kXdpActions) {
        count(counters.unknown_verdicts);
        return XdpAction::aborted;
    }
    count(counters.verdicts[*answer]);
    return static_cast<XdpAction>(*answer);
}

template <class Device>
class DevicePort final : public Port, private PacketSink {
  public:
    DevicePort(Device device, const SharedCounters& counters, Redirects& redirects,
               std::uint32_t number)
        : device_(std::move(device)), counters_(counters), redirects_(redirects) {
        if (Device::kEnforces && number != 0) {
            redirects_.set_own(number, *this);
        }
    }

    Progress run_batch(XdpRun& run, std::uint32_t budget) override {
        const auto begin = std::chrono::steady_clock::now();
        redirects_.begin_batch();
        Progress progress = Progress::more;
        for (std::uint32_t i = 0; i < budget && progress == Progress::more; ++i) {
            progress = run_one(run);
        }
        const auto spent = std::chrono::steady_clock::now() - begin;
        count(counters_->run_time_ns,
              static_cast<std::uint64_t>(
                  std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count()));
        redirects_.end_batch();
        if (!device_.flush(counters_)) {
            progress = Progress::failed;
        }
        if (progress == Progress::ended) {
            counters_->state.store(PortState::ended, std::memory_order_release);
        }
        return progress;
    }

    [[nodiscard]] int waiting_on() const override { return device_.waiting_on(); }

  private:
    Progress run_one(XdpRun& run) {
        std::size_t size_bytes = 0;
        switch (device_.receive(run.receive_area(), size_bytes, counters_)) {
        case Arrival::none:
            return Progress::idle;
        case Arrival::end:
            return Progress::ended;
        case Arrival::failed:
            return Progress::failed;
        case Arrival::frame:
            break;
        }
        count(counters_->packets);
        count(counters_->bytes, size_bytes);
        if (!fits(size_bytes, *counters_)) {
            return Progress::more;
        }
        XdpAction action = judge(run.run(size_bytes), *counters_);
        if (action == XdpAction::redirect && Device::kEnforces) {
            action = redirect(run);
        }
        return device_.deliver(action, run.packet(), counters_) ? Progress::more : Progress::failed;
    }

    // What is left to do with the packet here: nothing, unless it goes on as passed.
    XdpAction redirect(XdpRun& run) {
        switch (redirects_.deliver(run, device_.time_ns())) {
        case Redirected::passed:
            return XdpAction::pass;
        case Redirected::no_target:
            count(counters_->no_redirect_target);
            break;
        case Redirected::not_sent:
            count(counters_->not_sent);
            break;
        case Redirected::sent:
            break;
        }
        return XdpAction::drop;
    }

    // Redirected to itself: as sent back.
    bool send(Bytes packet, std::uint64_t) override {
        return device_.deliver(XdpAction::tx, packet, counters_);
    }

    Device device_;
    const SharedCounters& counters_;
    Redirects& redirects_;
};

} // namespace

Result<std::unique_ptr<Port>> make_port(OpenedPort opened, const SharedCounters& counters,
                                        Redirects& redirects) {
    std::unique_ptr<Port> port;
    const std::uint32_t number = opened.spec.ifindex;
    if (opened.files.empty()) {
        return fail(Code::invalid_input, "a port needs an open file");
    }
    switch (opened.spec.kind) {
    case PortKind::capture:
        port = std::make_unique<DevicePort<CaptureDevice>>(TRY(CaptureDevice::open(opened)),
                                                           counters, redirects, number);
        break;
    case PortKind::tap:
        port = std::make_unique<DevicePort<TapDevice>>(TapDevice(std::move(opened.files[0])),
                                                       counters, redirects, number);
        break;
    case PortKind::observe:
        port = std::make_unique<DevicePort<ObservedDevice>>(
            ObservedDevice(std::move(opened.files[0])), counters, redirects, number);
        break;
    }
    counters->state.store(PortState::running, std::memory_order_release);
    return port;
}

} // namespace skep::datapath
