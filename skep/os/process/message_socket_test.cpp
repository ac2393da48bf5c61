// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/message_socket.hpp"

#include <gtest/gtest.h>

#include "skep/os/machine.hpp"
#include "skep/os/memory.hpp"
#include "skep/os/process/handle.hpp"
#include "skep/os/storage/private_directory.hpp"

namespace skep::os {
namespace {

TEST(MessageSocket, CarriesBytesAndDescriptorsTogether) {
    const auto [left, right] = message_socket_pair().value();
    const Fd thing = make_memfd("thing", 0).value();
    ASSERT_TRUE(send_message(left, ByteVector{1, 2, 3}, {thing.number(), thing.number()}).ok());
    const auto message = receive_message(right).value();
    ASSERT_FALSE(message.is_end);
    EXPECT_EQ(message.bytes, (ByteVector{1, 2, 3}));
    ASSERT_EQ(message.fds.size(), 2U);
    EXPECT_EQ(identity_of(message.fds[1].number()).value(), identity_of(thing.number()).value());
}

TEST(MessageSocket, TellsWhenThePeerIsGoneAndWhenItIsSilent) {
    auto pair = message_socket_pair().value();
    EXPECT_EQ(receive_message(pair.first, 0).error().code, Code::again);
    pair.second = Fd();
    EXPECT_TRUE(receive_message(pair.first).value().is_end);
}

TEST(MessageSocket, KnowsWhoConnected) {
    const std::string directory = make_temporary_directory("skep-test").value();
    EXPECT_EQ(connect_for_messages(directory + "/socket").error().code, Code::not_found);
    const Fd listener = listen_for_messages(directory + "/socket").value();
    EXPECT_FALSE(accept_connection(listener).value().has_value());
    const Fd client = connect_for_messages(directory + "/socket").value();
    const auto connection = accept_connection(listener).value();
    ASSERT_TRUE(connection.has_value());
    EXPECT_EQ(peer_of(*connection).value().uid, user_id());
    EXPECT_EQ(peer_of(*connection).value().pid, process_id());
    remove_directory(directory);
}

TEST(MessageSocket, RefusesWhatIsTooLong) {
    const auto [left, right] = message_socket_pair().value();
    EXPECT_EQ(send_message(left, ByteVector(kMaxMessageBytes + 1), {}).error().code, Code::too_big);
}

} // namespace
} // namespace skep::os
