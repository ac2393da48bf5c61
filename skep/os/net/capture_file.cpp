// SPDX-License-Identifier: Apache-2.0
#include "skep/os/net/capture_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <unistd.h>

namespace skep::os {
namespace {

constexpr std::uint32_t kPcapMagicNanoseconds = 0xa1b23c4d;
constexpr std::uint16_t kLinkTypeEthernet = 1;
constexpr std::size_t kMostWaiting = 64U << 10;
constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

ByteVector pcap_file_header() {
    ByteWriter writer;
    writer.write(kPcapMagicNanoseconds);
    writer.write(std::uint16_t{2}); // version 2.4
    writer.write(std::uint16_t{4});
    writer.write(std::uint64_t{0}); // time zone and accuracy, unused
    writer.write(kMaxPacketBytes);
    writer.write(std::uint32_t{kLinkTypeEthernet});
    return writer.take();
}

ByteVector pcap_record_header(const CapturedPacket& packet) {
    ByteWriter writer;
    writer.write(static_cast<std::uint32_t>(packet.time_ns / kNanosecondsPerSecond));
    writer.write(static_cast<std::uint32_t>(packet.time_ns % kNanosecondsPerSecond));
    writer.write(static_cast<std::uint32_t>(packet.bytes.size()));
    writer.write(packet.original_bytes);
    return writer.take();
}

// A block is: type, total length, body padded to four bytes, total length again.
void append_block(ByteWriter& writer, std::uint32_t type, Bytes body) {
    const std::size_t padding = (4 - body.size() % 4) % 4;
    const auto total = static_cast<std::uint32_t>(12 + body.size() + padding);
    constexpr std::array<std::uint8_t, 3> kZeros{};
    writer.write(type);
    writer.write(total);
    writer.write_bytes(body);
    writer.write_bytes(Bytes(kZeros).first(padding));
    writer.write(total);
}

ByteVector pcapng_file_header() {
    ByteWriter section;
    section.write(std::uint32_t{0x1a2b3c4d}); // byte-order magic
    section.write(std::uint16_t{1});          // version 1.0
    section.write(std::uint16_t{0});
    section.write(~std::uint64_t{0}); // section length not given
    ByteWriter interface;
    interface.write(kLinkTypeEthernet);
    interface.write(std::uint16_t{0});
    interface.write(kMaxPacketBytes);
    interface.write(std::uint16_t{9}); // if_tsresol: one byte, 10^-9
    interface.write(std::uint16_t{1});
    interface.write(std::uint32_t{9});
    interface.write(std::uint32_t{0}); // opt_endofopt
    ByteWriter writer;
    append_block(writer, 0x0a0d0d0a, section.bytes());
    append_block(writer, 1, interface.bytes());
    return writer.take();
}

ByteVector pcapng_packet(const CapturedPacket& packet) {
    ByteWriter body;
    body.write(std::uint32_t{0}); // interface
    body.write(static_cast<std::uint32_t>(packet.time_ns >> 32));
    body.write(static_cast<std::uint32_t>(packet.time_ns));
    body.write(static_cast<std::uint32_t>(packet.bytes.size()));
    body.write(packet.original_bytes);
    body.write_bytes(packet.bytes);
    ByteWriter writer;
    append_block(writer, 6, body.bytes());
    return writer.take();
}

} // namespace

void CaptureReader::Close::operator()(pcap* handle) const { pcap_close(handle); }

Result<CaptureReader> CaptureReader::open(Fd file) {
    std::FILE* stream = ::fdopen(file.number(), "rb");
    if (stream == nullptr) {
        return error_from_errno(errno, "opening the capture");
    }
    static_cast<void>(file.release()); // the stream closes it now
    std::array<char, PCAP_ERRBUF_SIZE> reason{};
    pcap* handle =
        pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, reason.data());
    if (handle == nullptr) {
        std::fclose(stream);
        return fail(Code::invalid_input, fmt::format("not a capture: {}", reason.data()));
    }
    CaptureReader reader(handle);
    if (pcap_datalink(handle) != DLT_EN10MB) {
        return fail(
            Code::unsupported,
            fmt::format(
                "the capture's link type is {}, and XDP programs see Ethernet frames (EN10MB)",
                pcap_datalink_val_to_description_or_dlt(pcap_datalink(handle))));
    }
    return reader;
}

Result<std::optional<CapturedPacket>> CaptureReader::next() {
    pcap_pkthdr* header = nullptr;
    const std::uint8_t* data = nullptr;
    const int outcome = pcap_next_ex(handle_.get(), &header, &data);
    if (outcome == PCAP_ERROR_BREAK) {
        return std::optional<CapturedPacket>();
    }
    if (outcome != 1) {
        return fail(Code::invalid_input, fmt::format("reading packet {} of the capture: {}",
                                                     read_ + 1, pcap_geterr(handle_.get())));
    }
    ++read_;
    if (header->caplen > kMaxPacketBytes || header->caplen > header->len) {
        return fail(Code::invalid_input,
                    fmt::format("packet {} of the capture claims {} bytes of {}", read_,
                                header->caplen, header->len));
    }
    const auto seconds = static_cast<std::uint64_t>(header->ts.tv_sec);
    const auto nanoseconds =
        static_cast<std::uint64_t>(header->ts.tv_usec); // by the precision asked for
    return std::optional(CapturedPacket{Bytes(data, header->caplen), header->len,
                                        seconds * kNanosecondsPerSecond + nanoseconds});
}

CaptureFormat capture_format_of(const std::string& file_name) {
    const std::string_view name(file_name);
    return name.ends_with(".pcapng") || name.ends_with(".ntar") ? CaptureFormat::pcapng
                                                                : CaptureFormat::pcap;
}

Result<CaptureWriter> CaptureWriter::create(Fd file, CaptureFormat format) {
    CaptureWriter writer(std::move(file), format);
    writer.waiting_ = format == CaptureFormat::pcapng ? pcapng_file_header() : pcap_file_header();
    TRY(writer.flush()); // so that a capture with no packet is a capture
    return writer;
}

CaptureWriter::~CaptureWriter() { [[maybe_unused]] const auto flushed = flush(); }

Result<void> CaptureWriter::write(const CapturedPacket& packet) {
    if (waiting_.size() >= kMostWaiting) {
        TRY(flush());
    }
    const auto append = [this](Bytes bytes) {
        waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    };
    if (format_ == CaptureFormat::pcapng) {
        append(pcapng_packet(packet));
        return {};
    }
    append(pcap_record_header(packet));
    append(packet.bytes);
    return {};
}

Result<void> CaptureWriter::flush() {
    Bytes left(waiting_);
    while (!left.empty()) {
        const ssize_t written = ::write(file_.number(), left.data(), left.size());
        if (written < 0 && errno != EINTR) {
            const int os_errno = errno;
            waiting_.clear(); // or it would be tried again for ever
            return error_from_errno(os_errno, "writing the capture");
        }
        left = left.subspan(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    waiting_.clear();
    return {};
}

} // namespace skep::os
