// SPDX-License-Identifier: Apache-2.0
#include "skep/os/process/message_socket.hpp"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace skep::os {
namespace {

Result<Fd> new_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        return error_from_errno(errno, "making a socket");
    }
    return socket;
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return fail(Code::invalid_input,
                    path + " is too long for the name of a socket (107 bytes)");
    }
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

Result<void> wait_for(const Fd& socket, short events, int timeout_ms) {
    pollfd poll{socket.number(), events, 0};
    int ready = 0;
    do {
        ready = ::poll(&poll, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) {
        return error_from_errno(errno, "waiting for a socket");
    }
    return ready == 0 ? Result<void>(fail(Code::again, "the other side did not answer in time"))
                      : Result<void>();
}

// Room for the descriptors of one message.
constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(int) * kMaxMessageFds);

// Takes the descriptors out of a received message; false when some were lost.
bool take_fds(msghdr& header, std::vector<Fd>& fds) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
            fds.emplace_back(number);
        }
    }
    return (header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
}

} // namespace

Result<std::pair<Fd, Fd>> message_socket_pair() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return error_from_errno(errno, "making a pair of sockets");
    }
    return std::pair<Fd, Fd>(Fd(ends[0]), Fd(ends[1]));
}

Result<Fd> listen_for_messages(const std::string& path) {
    const sockaddr_un address = TRY(address_of(path));
    Fd socket = TRY(new_socket());
    ::unlink(path.c_str());
    if (::bind(socket.number(), generic(address), sizeof address) != 0 ||
        ::listen(socket.number(), SOMAXCONN) != 0) {
        return error_from_errno(errno, "listening at " + path);
    }
    return socket;
}

Result<Fd> connect_for_messages(const std::string& path) {
    const sockaddr_un address = TRY(address_of(path));
    Fd socket = TRY(new_socket());
    if (::connect(socket.number(), generic(address), sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) {
            return fail(Code::not_found, "nobody listens at " + path);
        }
        return error_from_errno(errno, "connecting to " + path);
    }
    return socket;
}

Result<std::optional<Fd>> accept_connection(const Fd& listener) {
    const auto ready = wait_for(listener, POLLIN, 0);
    if (!ready.ok()) {
        return std::optional<Fd>();
    }
    Fd connection(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.is_open()) {
        return errno == EAGAIN || errno == ECONNABORTED || errno == EINTR
                   ? Result<std::optional<Fd>>(std::optional<Fd>())
                   : error_from_errno(errno, "accepting a connection");
    }
    return std::optional<Fd>(std::move(connection));
}

Result<Peer> peer_of(const Fd& socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket.number(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return error_from_errno(errno, "asking who connected");
    }
    return Peer{credentials.uid, static_cast<std::uint32_t>(credentials.pid)};
}

Result<void> send_message(const Fd& socket, Bytes bytes, const std::vector<int>& fds,
                          int timeout_ms) {
    if (bytes.size() > kMaxMessageBytes || fds.size() > kMaxMessageFds) {
        return fail(Code::too_big,
                    "a message is longer, or has more descriptors, than can be sent");
    }
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()}; // NOLINT: only read from
    alignas(cmsghdr) char control[kControlBytes] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    }
    while (::sendmsg(socket.number(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            TRY(wait_for(socket, POLLOUT, timeout_ms));
        } else if (errno != EINTR) {
            return error_from_errno(errno, "sending a message");
        }
    }
    return {};
}

Result<Message> receive_message(const Fd& socket, int timeout_ms) {
    TRY(wait_for(socket, POLLIN, timeout_ms));
    Message message;
    message.bytes.resize(kMaxMessageBytes);
    iovec part{message.bytes.data(), message.bytes.size()};
    alignas(cmsghdr) char control[kControlBytes] = {};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t size = 0;
    do {
        size = ::recvmsg(socket.number(), &header, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && errno != ECONNRESET) {
        return error_from_errno(errno, "receiving a message");
    }
    if (size <= 0) {
        message.is_end = true; // an empty message is never sent
        return message;
    }
    const bool whole = take_fds(header, message.fds);
    if (!whole) {
        return fail(Code::invalid_input, "a message was too long or lost its descriptors");
    }
    message.bytes.resize(static_cast<std::size_t>(size));
    return message;
}

} // namespace skep::os
