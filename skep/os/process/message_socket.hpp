// SPDX-License-Identifier: Apache-2.0
//
// Message sockets: whole messages between processes of this machine, with descriptors beside them
// (SOCK_SEQPACKET, SCM_RIGHTS).
//
// A message is at most kMaxMessageBytes long; what is larger travels in a memfd beside it. Received
// descriptors are close-on-exec. Whoever connects can be asked for: user and process id, as the
// kernel knows them.
//
// Proved by: message_socket_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/base/result.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

inline constexpr std::size_t kMaxMessageBytes = 80U << 10;
inline constexpr std::size_t kMaxMessageFds = 250;

struct Message {
    ByteVector bytes;
    std::vector<Fd> fds;
    bool is_end = false; // no message: the peer is gone
};

// Two ends that are connected to each other.
Result<std::pair<Fd, Fd>> message_socket_pair();
Result<Fd> listen_for_messages(const std::string& path);
// not_found when nobody listens there.
Result<Fd> connect_for_messages(const std::string& path);
// The next connection, non-blocking; nothing when none waits.
Result<std::optional<Fd>> accept_connection(const Fd& listener);

struct Peer {
    std::uint32_t uid = 0;
    std::uint32_t pid = 0;
};
Result<Peer> peer_of(const Fd& socket);

// Waits while the peer's queue is full, at most `timeout_ms` (negative: as long as it takes).
Result<void> send_message(const Fd& socket, Bytes bytes, const std::vector<int>& fds,
                          int timeout_ms = -1);

// The next message, or the end when the peer is gone. Waits at most `timeout_ms`, then fails with
// again. A message that is longer than allowed, or lost descriptors on the way, is invalid_input.
Result<Message> receive_message(const Fd& socket, int timeout_ms = -1);

} // namespace skep::os
