// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/wire/message.hpp"

#include <algorithm>
#include <limits>

#include "skep/base/message_fields.hpp"
#include "skep/os/process/sealed_memory.hpp"
#include "skep/spec/commands.hpp"

namespace skep::syscall {
namespace {

constexpr std::uint32_t kMagic = 0x31706b73;      // "skp1"
constexpr std::size_t kHeadBytes = 8;             // magic and command
constexpr std::uint64_t kLargestInfo = 16U << 20; // arrays of an info record
constexpr std::uint64_t kOverhead = 1U << 16;
constexpr std::uint32_t kMostSegments = 64;
constexpr std::uint32_t kMostWrites = 1U << 20; // a batch writes each element on its own
constexpr std::uint32_t kLongestText = 1U << 16;

ByteVector body_of(const Request& request) {
    ByteWriter writer;
    writer.write(request.attributes_address);
    writer.write(request.attributes_size);
    writer.write(request.pin_errno);
    writer.write(std::uint32_t{request.has_pin ? 1U : 0U});
    writer.write(static_cast<std::uint32_t>(request.descriptors.size()));
    for (const PassedDescriptor& each : request.descriptors) {
        writer.write(each.number);
        writer.write(each.file);
    }
    writer.write(static_cast<std::uint32_t>(request.segments.size()));
    for (const Segment& segment : request.segments) {
        writer.write(segment.address);
        writer.write(segment.writable_bytes);
        write_content(writer, segment.content);
    }
    return writer.take();
}

ByteVector body_of(const Answer& answer) {
    ByteWriter writer;
    writer.write(answer.result);
    writer.write(std::uint32_t{answer.gives_descriptor ? 1U : 0U});
    write_text(writer, std::string_view(answer.message).substr(0, kLongestText));
    writer.write(static_cast<std::uint32_t>(answer.writes.size()));
    for (const MemoryWrite& each : answer.writes) {
        writer.write(each.address);
        write_content(writer, each.content);
    }
    return writer.take();
}

Result<void> send_body(const os::Fd& socket, std::uint32_t command, const ByteVector& body,
                       std::vector<int> files, int timeout_ms) {
    ByteWriter message;
    message.write(kMagic);
    message.write(command);
    os::Fd memory;
    if (body.size() <= kInlineBytes) {
        message.write_bytes(body);
    } else {
        memory = TRY(os::make_sealed_memory("skep-payload", body));
        files.insert(files.begin(), memory.number());
    }
    return os::send_message(socket, message.bytes(), files, timeout_ms);
}

struct Opened {
    std::uint32_t command = 0;
    ByteVector body;
    std::vector<os::Fd> files;
};

Result<Opened> open_body(os::Message message) {
    ByteReader reader(message.bytes);
    if (TRY(reader.read<std::uint32_t>()) != kMagic) {
        return fail(Code::invalid_input, "this is no message of skep's");
    }
    Opened opened;
    opened.command = TRY(reader.read<std::uint32_t>());
    opened.files = std::move(message.fds);
    if (!reader.at_end()) {
        opened.body.assign(message.bytes.begin() + kHeadBytes, message.bytes.end());
        return opened;
    }
    if (opened.files.empty()) {
        return fail(Code::invalid_input, "a message has neither content nor memory beside it");
    }
    opened.body =
        TRY(os::read_sealed_memory(opened.files.front(), largest_message(opened.command)));
    opened.files.erase(opened.files.begin());
    return opened;
}

Result<Segment> read_segment(ByteReader& reader, std::uint64_t& left) {
    Segment segment;
    segment.address = TRY(reader.read<std::uint64_t>());
    segment.writable_bytes = TRY(reader.read<std::uint32_t>());
    segment.content = TRY(read_content(reader));
    const std::uint64_t reach =
        std::max<std::uint64_t>(segment.writable_bytes, segment.content.size());
    if (segment.address > std::numeric_limits<std::uint64_t>::max() - reach) {
        return fail(Code::invalid_input, "a segment goes beyond the end of memory");
    }
    if (segment.writable_bytes > left) {
        return fail(Code::too_big, "the call may write more than its command can");
    }
    left -= segment.writable_bytes;
    return segment;
}

} // namespace

std::uint64_t largest_message(std::uint32_t command) {
    std::uint64_t most = kOverhead;
    for (const spec::PointerRow& row : spec::pointers(static_cast<spec::Command>(command))) {
        most += row.maximum_bytes;
        most +=
            row.rule == spec::LengthRule::info ? kLargestInfo * spec::info_pointers().size() : 0;
    }
    return most;
}

Result<void> send_request(const os::Fd& socket, const Request& request,
                          const std::vector<int>& files) {
    return send_body(socket, request.command, body_of(request), files, -1);
}

Result<void> send_answer(const os::Fd& socket, const Answer& answer, const std::vector<int>& files,
                         int timeout_ms) {
    return send_body(socket, 0, body_of(answer), files, timeout_ms);
}

Result<ReceivedRequest> open_request(os::Message message) {
    Opened opened = TRY(open_body(std::move(message)));
    ByteReader reader(opened.body);
    ReceivedRequest received;
    received.files = std::move(opened.files);
    Request& request = received.request;
    request.command = opened.command;
    request.attributes_address = TRY(reader.read<std::uint64_t>());
    request.attributes_size = TRY(reader.read<std::uint32_t>());
    request.pin_errno = TRY(reader.read<std::int32_t>());
    request.has_pin = TRY(reader.read<std::uint32_t>()) != 0;
    const std::uint32_t descriptors = TRY(read_count(reader, os::kMaxMessageFds));
    for (std::uint32_t i = 0; i < descriptors; ++i) {
        PassedDescriptor passed;
        passed.number = TRY(reader.read<std::int32_t>());
        passed.file = TRY(reader.read<std::uint32_t>());
        if (passed.file >= received.files.size()) {
            return fail(Code::invalid_input, "a descriptor stands for a file that did not come");
        }
        request.descriptors.push_back(passed);
    }
    if (request.has_pin && received.files.empty()) {
        return fail(Code::invalid_input, "the pin's file did not come");
    }
    std::uint64_t left = largest_message(request.command);
    const std::uint32_t segments = TRY(read_count(reader, kMostSegments));
    for (std::uint32_t i = 0; i < segments; ++i) {
        request.segments.push_back(TRY(read_segment(reader, left)));
    }
    if (!reader.at_end()) {
        return fail(Code::invalid_input, "a message has more than it should");
    }
    return received;
}

Result<ReceivedAnswer> open_answer(os::Message message) {
    ByteReader head(message.bytes);
    if (TRY(head.read<std::uint32_t>()) != kMagic) {
        return fail(Code::invalid_input, "this is no message of skep's");
    }
    TRY(head.read<std::uint32_t>()); // no command
    ReceivedAnswer received;
    ByteVector body(message.bytes.begin() + kHeadBytes, message.bytes.end());
    received.files = std::move(message.fds);
    if (body.empty()) {
        if (received.files.empty()) {
            return fail(Code::invalid_input, "an answer has neither content nor memory beside it");
        }
        body = TRY(os::read_sealed_memory(received.files.front(), std::size_t{1} << 30));
        received.files.erase(received.files.begin());
    }
    ByteReader reader(body);
    Answer& answer = received.answer;
    answer.result = TRY(reader.read<std::int64_t>());
    answer.gives_descriptor = TRY(reader.read<std::uint32_t>()) != 0;
    const ByteVector text = TRY(read_content(reader));
    answer.message.assign(text.begin(), text.end());
    const std::uint32_t writes = TRY(read_count(reader, kMostWrites));
    for (std::uint32_t i = 0; i < writes; ++i) {
        MemoryWrite write;
        write.address = TRY(reader.read<std::uint64_t>());
        write.content = TRY(read_content(reader));
        answer.writes.push_back(std::move(write));
    }
    return received;
}

} // namespace skep::syscall
