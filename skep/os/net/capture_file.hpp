// SPDX-License-Identifier: Apache-2.0
//
// Captures: reading pcap and pcapng through libpcap, writing both.
//
// A reader takes an open descriptor (the client opened it) and gives one packet after the other;
// the bytes stay valid until the next read. Lengths come from strangers: libpcap bounds them by the
// snapshot length, and a packet above kMaxPacketBytes is an error, not an allocation. Only Ethernet
// captures are taken, since XDP sees Ethernet frames.
//
// libpcap writes classic pcap only, so pcapng is written here: a section header, one interface, an
// enhanced packet block for each packet (draft-ietf-opsawg-pcapng, sections 4.1 to 4.3).
//
// Proved by: capture_file_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/os/fd.hpp"

struct pcap;

namespace skep::os {

inline constexpr std::uint32_t kMaxPacketBytes = 262144; // what tcpdump calls the maximum snapshot

struct CapturedPacket {
    Bytes bytes;                      // as captured
    std::uint32_t original_bytes = 0; // on the wire; more than bytes.size() when it was cut
    std::uint64_t time_ns = 0;        // since the epoch
};

class CaptureReader {
  public:
    // Takes the descriptor over; it must be readable, and may be a pipe.
    static Result<CaptureReader> open(Fd file);

    CaptureReader(CaptureReader&&) noexcept = default;
    CaptureReader& operator=(CaptureReader&&) noexcept = default;

    // The next packet, nothing at the end, or an error naming the packet's number.
    Result<std::optional<CapturedPacket>> next();

  private:
    struct Close {
        void operator()(pcap* handle) const;
    };
    explicit CaptureReader(pcap* handle) : handle_(handle) {}
    std::unique_ptr<pcap, Close> handle_;
    std::uint64_t read_ = 0;
};

enum class CaptureFormat : std::uint8_t { pcap, pcapng };

// By the extension: ".pcapng" and ".ntar" are pcapng, everything else classic pcap (nanoseconds).
CaptureFormat capture_format_of(const std::string& file_name);

// Writes whole records: several writers of one open file description, in several processes, leave
// a capture behind in which every record is whole (regular files; a pipe may mix long ones).
class CaptureWriter {
  public:
    // Begins a capture, or goes on with one that somebody else began.
    static Result<CaptureWriter> create(Fd file, CaptureFormat format);
    static CaptureWriter join(Fd file, CaptureFormat format) {
        return CaptureWriter(std::move(file), format);
    }
    CaptureWriter(CaptureWriter&&) noexcept = default;
    CaptureWriter& operator=(CaptureWriter&&) noexcept = default;
    ~CaptureWriter(); // writes what is left

    Result<void> write(const CapturedPacket& packet);
    Result<void> flush();

  private:
    CaptureWriter(Fd file, CaptureFormat format) : file_(std::move(file)), format_(format) {}

    Fd file_;
    CaptureFormat format_;
    ByteVector waiting_; // whole records
};

} // namespace skep::os
