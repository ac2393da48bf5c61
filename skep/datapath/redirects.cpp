// SPDX-License-Identifier: Apache-2.0
#include "skep/datapath/redirects.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "skep/maps/map.hpp"
#include "skep/os/net/capture_file.hpp"
#include "skep/os/net/net_device.hpp"

namespace skep::datapath {
namespace {

constexpr std::uint64_t kBroadcast = 8;
constexpr std::uint64_t kExcludeIngress = 16;
constexpr auto kPass = static_cast<std::uint32_t>(XdpAction::pass);

class TapSink final : public PacketSink {
  public:
    explicit TapSink(os::Fd tap) : tap_(std::move(tap)) {}
    bool send(Bytes packet, std::uint64_t) override {
        const auto sent = os::send_tap(tap_, packet);
        return sent.ok() && *sent;
    }

  private:
    os::Fd tap_;
};

class CaptureSink final : public PacketSink {
  public:
    explicit CaptureSink(os::CaptureWriter writer) : writer_(std::move(writer)) {}
    bool send(Bytes packet, std::uint64_t time_ns) override {
        return writer_.write({packet, static_cast<std::uint32_t>(packet.size()), time_ns}).ok();
    }
    void flush() override { [[maybe_unused]] const auto flushed = writer_.flush(); }

  private:
    os::CaptureWriter writer_;
};

// {ifindex or queue size, program id}; the second word only where values are eight bytes long.
struct Entry {
    std::uint32_t number = 0;
    std::uint32_t program_id = 0;
};
Entry entry_at(const maps::Map& map, const std::uint8_t* value) {
    Entry entry;
    std::memcpy(&entry, value, std::min<std::size_t>(sizeof entry, map.spec().value_size_bytes));
    return entry;
}

} // namespace

Result<std::unique_ptr<PacketSink>> make_sink(const PortSpec& port, os::Fd file) {
    if (port.kind == PortKind::tap) {
        return std::unique_ptr<PacketSink>(std::make_unique<TapSink>(std::move(file)));
    }
    if (port.kind == PortKind::capture) {
        const auto format =
            port.out_is_pcapng ? os::CaptureFormat::pcapng : os::CaptureFormat::pcap;
        return std::unique_ptr<PacketSink>(
            std::make_unique<CaptureSink>(os::CaptureWriter::join(std::move(file), format)));
    }
    return fail(Code::unsupported, "nothing is sent out of an interface that is only observed");
}

void Redirects::set_own(std::uint32_t number, PacketSink& sink) {
    targets_.push_back({number, &sink, nullptr, false});
}

void Redirects::add(std::uint32_t number, std::unique_ptr<PacketSink> sink) {
    const std::lock_guard guard(lock_);
    PacketSink* raw = sink.get();
    notes_.push_back({number, raw, std::move(sink), false});
    has_notes_.store(true, std::memory_order_release);
}

void Redirects::remove(std::uint32_t number) {
    const std::lock_guard guard(lock_);
    notes_.push_back({number, nullptr, nullptr, false});
    has_notes_.store(true, std::memory_order_release);
}

void Redirects::take_notes() {
    const std::lock_guard guard(lock_);
    for (Target& note : notes_) {
        std::erase_if(targets_, [&note](const Target& each) {
            return each.number == note.number && each.owned != nullptr;
        });
        if (note.sink != nullptr) {
            targets_.push_back(std::move(note));
        }
    }
    notes_.clear();
    has_notes_.store(false, std::memory_order_release);
}

Redirects::Target* Redirects::find(std::uint32_t number) {
    const auto found = std::find_if(targets_.begin(), targets_.end(),
                                    [number](const Target& each) { return each.number == number; });
    return found == targets_.end() ? nullptr : &*found;
}

Redirected Redirects::send(XdpRun& run, std::uint32_t number, std::uint64_t time_ns) {
    Target* target = find(number);
    if (target == nullptr) {
        return Redirected::no_target;
    }
    target->has_waiting = true;
    return target->sink->send(run.packet(), time_ns) ? Redirected::sent : Redirected::not_sent;
}

Redirected Redirects::deliver(XdpRun& run, std::uint64_t time_ns) {
    const helpers::Redirect where = run.redirect();
    if (where.map == nullptr) {
        return send(run, static_cast<std::uint32_t>(where.index), time_ns);
    }
    maps::Map& map = *where.map;
    if ((where.flags & kBroadcast) != 0) {
        return send_to_all(run, map, time_ns);
    }
    const auto key =
        std::bit_cast<std::array<std::uint8_t, 4>>(static_cast<std::uint32_t>(where.index));
    const std::uint8_t* value = map.lookup(key.data(), run.cpu());
    if (value == nullptr) {
        return Redirected::no_target; // it was emptied since the program looked
    }
    const Entry entry = entry_at(map, value);
    const spec::MapType type = map.spec().type;
    if (type == spec::MapType::devmap || type == spec::MapType::devmap_hash) {
        return send_by_entry(run, entry.number, entry.program_id, time_ns);
    }
    if (type != spec::MapType::cpumap) {
        return Redirected::no_target; // no AF_XDP socket can be in a map of this engine
    }
    const bool goes_on = entry.program_id == 0 || run.run_entry(entry.program_id, 0) == kPass;
    return goes_on ? Redirected::passed : Redirected::sent;
}

Redirected Redirects::send_by_entry(XdpRun& run, std::uint32_t number, std::uint32_t program_id,
                                    std::uint64_t time_ns) {
    if (find(number) == nullptr) {
        return Redirected::no_target;
    }
    if (program_id != 0 && run.run_entry(program_id, number) != kPass) {
        return Redirected::sent;
    }
    return send(run, number, time_ns);
}

// One that has no target is no reason to keep the packet from the others.
Redirected Redirects::send_to_all(XdpRun& run, maps::Map& map, std::uint64_t time_ns) {
    const bool but_ingress = (run.redirect().flags & kExcludeIngress) != 0;
    run.keep(snapshot_);
    Redirected result = Redirected::no_target;
    maps::Element element;
    for (std::uint64_t at = 0; map.element_from(at, run.cpu(), element);
         at = element.position + 1) {
        const Entry entry = entry_at(map, element.value);
        if (but_ingress && entry.number == run.ingress_ifindex()) {
            continue;
        }
        const Redirected one = send_by_entry(run, entry.number, entry.program_id, time_ns);
        result = result == Redirected::sent ? result : one;
        if (entry.program_id != 0) {
            run.come_back(snapshot_);
        }
    }
    return result;
}

void Redirects::end_batch() {
    for (Target& target : targets_) {
        if (std::exchange(target.has_waiting, false)) {
            target.sink->flush();
        }
    }
}

} // namespace skep::datapath
