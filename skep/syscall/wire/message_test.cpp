// SPDX-License-Identifier: Apache-2.0
//
// Calls as messages: there and back through a socket, and what a broken or hostile peer may send.
#include "skep/syscall/wire/message.hpp"

#include <gtest/gtest.h>

#include "skep/os/memory.hpp"
#include "skep/spec/commands.hpp"

namespace skep::syscall {
namespace {

constexpr auto kLookup = static_cast<std::uint32_t>(spec::Command::map_lookup_elem);

Request lookup() {
    Request request;
    request.command = kLookup;
    request.attributes_address = 0x7000;
    request.attributes_size = 32;
    request.segments = {{0x7000, 0, ByteVector(32, 1)}, {0x8000, 8, {}}};
    return request;
}

struct Wire {
    std::pair<os::Fd, os::Fd> ends = std::move(os::message_socket_pair().value());

    [[nodiscard]] os::Message passed(const Request& request, const std::vector<int>& files = {}) {
        EXPECT_TRUE(send_request(ends.first, request, files).ok());
        return std::move(os::receive_message(ends.second, 5000).value());
    }
    [[nodiscard]] os::Message passed(const Answer& answer, const std::vector<int>& files = {}) {
        EXPECT_TRUE(send_answer(ends.first, answer, files, 5000).ok());
        return std::move(os::receive_message(ends.second, 5000).value());
    }
};

TEST(Message, ARequestArrivesAsItWasSent) {
    Wire wire;
    Request sent = lookup();
    const os::Fd file = os::make_memfd("file", 0).value();
    sent.descriptors = {{7, 0}, {-3, 1}};
    sent.has_pin = true;
    sent.pin_errno = 2;
    const auto got = open_request(wire.passed(sent, {file.number(), file.number()})).value();
    EXPECT_EQ(got.files.size(), 2U);
    EXPECT_EQ(got.request.command, sent.command);
    EXPECT_EQ(got.request.attributes_address, sent.attributes_address);
    EXPECT_EQ(got.request.attributes_size, sent.attributes_size);
    EXPECT_EQ(got.request.pin_errno, 2);
    EXPECT_TRUE(got.request.has_pin);
    ASSERT_EQ(got.request.descriptors.size(), 2U);
    EXPECT_EQ(got.request.descriptors[1].number, -3);
    EXPECT_EQ(got.request.descriptors[1].file, 1U);
    ASSERT_EQ(got.request.segments.size(), 2U);
    EXPECT_EQ(got.request.segments[0].content, sent.segments[0].content);
    EXPECT_EQ(got.request.segments[1].writable_bytes, 8U);
}

TEST(Message, ALongRequestTravelsInMemory) {
    Wire wire;
    Request sent = lookup();
    sent.segments[0].content.assign(kInlineBytes * 2, 9);
    os::Message message = wire.passed(sent);
    EXPECT_EQ(message.bytes.size(), 8U);
    EXPECT_EQ(message.fds.size(), 1U);
    const auto got = open_request(std::move(message)).value();
    EXPECT_TRUE(got.files.empty());
    EXPECT_EQ(got.request.segments[0].content, sent.segments[0].content);
}

TEST(Message, AnAnswerArrivesAsItWasSent) {
    Wire wire;
    Answer sent{-13, true, "no", {{0x8000, ByteVector(3, 4)}}};
    const os::Fd file = os::make_memfd("file", 0).value();
    for (const std::size_t size : {std::size_t{3}, kInlineBytes + 1}) {
        sent.writes[0].content.assign(size, 4);
        const auto got = open_answer(wire.passed(sent, {file.number()})).value();
        EXPECT_EQ(got.answer.result, -13);
        EXPECT_TRUE(got.answer.gives_descriptor);
        EXPECT_EQ(got.answer.message, "no");
        ASSERT_EQ(got.answer.writes.size(), 1U);
        EXPECT_EQ(got.answer.writes[0].content, sent.writes[0].content);
        EXPECT_EQ(got.files.size(), 1U);
    }
}

TEST(Message, CutAnywhereIsRefused) {
    Wire wire;
    const ByteVector request = wire.passed(lookup()).bytes;
    const ByteVector answer = wire.passed(Answer{1, false, "text", {{1, {2, 3}}}}).bytes;
    const auto cut = [](const ByteVector& bytes, std::size_t size) {
        os::Message message;
        message.bytes.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        return message;
    };
    for (std::size_t size = 0; size < request.size(); ++size) {
        EXPECT_FALSE(open_request(cut(request, size)).ok()) << size;
    }
    for (std::size_t size = 0; size < answer.size(); ++size) {
        EXPECT_FALSE(open_answer(cut(answer, size)).ok()) << size;
    }
}

TEST(Message, MoreThanThereShouldBeIsRefused) {
    Wire wire;
    os::Message message = wire.passed(lookup());
    message.bytes.push_back(0);
    EXPECT_FALSE(open_request(std::move(message)).ok());
}

TEST(Message, AnotherMagicIsRefused) {
    Wire wire;
    os::Message message = wire.passed(lookup());
    message.bytes[0] ^= 1;
    EXPECT_FALSE(open_request(std::move(message)).ok());
}

TEST(Message, ADescriptorStandsForAFileThatCame) {
    Wire wire;
    Request request = lookup();
    request.descriptors = {{3, 1}};
    const os::Fd file = os::make_memfd("file", 0).value();
    EXPECT_FALSE(open_request(wire.passed(request, {file.number()})).ok());
    request.descriptors.clear();
    request.has_pin = true;
    EXPECT_FALSE(open_request(wire.passed(request)).ok());
}

TEST(Message, ASegmentLiesWithinMemoryAndWithinWhatItsCommandMayWrite) {
    Wire wire;
    Request request = lookup();
    request.segments[1] = {~std::uint64_t{0} - 3, 8, {}};
    EXPECT_FALSE(open_request(wire.passed(request)).ok());
    request.segments[1] = {0x8000, ~std::uint32_t{0}, {}};
    EXPECT_FALSE(open_request(wire.passed(request)).ok());
}

TEST(Message, MemoryBesideIsOnlyReadAsFarAsTheCommandGoes) {
    Wire wire;
    Request request = lookup();
    request.command = static_cast<std::uint32_t>(spec::Command::map_get_next_id);
    request.segments[0].content.assign(largest_message(request.command) + 1, 0);
    EXPECT_FALSE(open_request(wire.passed(request)).ok());
}

TEST(Message, MemoryBesideThatCouldStillChangeIsRefused) {
    os::Message message;
    message.bytes.assign(8, 0);
    Wire wire;
    const ByteVector head = wire.passed(lookup()).bytes;
    std::copy_n(head.begin(), 8, message.bytes.begin());
    message.fds.push_back(std::move(os::make_memfd("unsealed", 4096).value()));
    EXPECT_FALSE(open_request(std::move(message)).ok());
}

} // namespace
} // namespace skep::syscall
