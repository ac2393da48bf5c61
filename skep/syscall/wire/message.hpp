// SPDX-License-Identifier: Apache-2.0
//
// A call as a message, and its answer.
//
// The addresses in a call stay what they are in the client; beside them travels what lies there:
// for each range of the client's memory that the command may read or write (as its rows in
// spec/commands.def say) a segment. So the daemon never looks into a client, and what a message
// does not carry does not exist for it: EFAULT. Descriptors are carried the same way: their
// numbers, and which of the passed files each one is.
//
//   request:  magic, command | attributes: address u64, size u32
//             pin errno i32, has pin u32 (the last passed file is the pin's)
//             descriptors: count u32, { number i32, file u32 }...
//             segments: count u32, { address u64, writable u32, bytes u32, content }...
//   answer:   magic | result i64, gives a descriptor u32, message
//             writes: count u32, { address u64, bytes u32, content }...
//
// What is longer than kInlineBytes travels in a sealed memfd, the first of the files; the message
// itself then holds magic and command alone. Each command has a maximum, from its rows.
//
// Proved by: message_test.cpp, fuzz/message.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/os/process/message_socket.hpp"

namespace skep::syscall {

inline constexpr std::size_t kInlineBytes = 64U << 10;

struct Segment {
    std::uint64_t address = 0;
    std::uint32_t writable_bytes = 0; // from the address on
    ByteVector content;               // what can be read there
};

struct PassedDescriptor {
    std::int32_t number = -1; // in the client
    std::uint32_t file = 0;   // among the files beside the message
};

struct Request {
    std::uint32_t command = 0;
    std::uint64_t attributes_address = 0;
    std::uint32_t attributes_size = 0;
    int pin_errno = 0;    // why no pin file was made or opened, when that was tried
    bool has_pin = false; // with pin_errno: what was there already
    std::vector<PassedDescriptor> descriptors;
    std::vector<Segment> segments;
};

struct MemoryWrite {
    std::uint64_t address = 0;
    ByteVector content;
};

struct Answer {
    std::int64_t result = 0;
    bool gives_descriptor = false; // the first file is the result
    std::string message;
    std::vector<MemoryWrite> writes;
};

// The most bytes that a request for the command, or its answer, may carry.
std::uint64_t largest_message(std::uint32_t command);

Result<void> send_request(const os::Fd& socket, const Request& request,
                          const std::vector<int>& files);
Result<void> send_answer(const os::Fd& socket, const Answer& answer, const std::vector<int>& files,
                         int timeout_ms);

struct ReceivedRequest {
    Request request;
    std::vector<os::Fd> files;
};
// Of a message that came: every field checked, nothing larger than the command allows.
Result<ReceivedRequest> open_request(os::Message message);

struct ReceivedAnswer {
    Answer answer;
    std::vector<os::Fd> files;
};
Result<ReceivedAnswer> open_answer(os::Message message);

} // namespace skep::syscall
