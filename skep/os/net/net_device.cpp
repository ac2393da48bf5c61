// SPDX-License-Identifier: Apache-2.0
#include "skep/os/net/net_device.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <unistd.h>

namespace skep::os {
namespace {

constexpr std::size_t kVlanTagBytes = 4;
constexpr std::size_t kAddressesBytes = 12; // both MAC addresses: a tag stands after them

Result<void> copy_name(ifreq& request, const std::string& name) {
    if (name.empty() || name.size() >= IFNAMSIZ) {
        return fail(
            Code::invalid_input,
            fmt::format("'{}' is no interface name: 1 to {} characters", name, IFNAMSIZ - 1));
    }
    std::memcpy(request.ifr_name, name.data(), name.size());
    return {};
}

Result<void> bring_up(const std::string& name) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    TRY(copy_name(request, name));
    if (!socket.is_open() || ::ioctl(socket.number(), SIOCGIFFLAGS, &request) != 0) {
        return error_from_errno(errno, fmt::format("reading the flags of {}", name));
    }
    if ((request.ifr_flags & IFF_UP) != 0) {
        return {};
    }
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(socket.number(), SIOCSIFFLAGS, &request) != 0) {
        return error_from_errno(errno, fmt::format("setting {} up", name));
    }
    return {};
}

bool nothing_waits(int os_errno) {
    return os_errno == EAGAIN || os_errno == EWOULDBLOCK || os_errno == EINTR;
}

// The tag that the kernel took out of the frame, if any.
std::optional<std::array<std::uint8_t, kVlanTagBytes>> removed_vlan_tag(msghdr& message) {
    for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
         control = CMSG_NXTHDR(&message, control)) {
        if (control->cmsg_level != SOL_PACKET || control->cmsg_type != PACKET_AUXDATA ||
            control->cmsg_len < CMSG_LEN(sizeof(tpacket_auxdata))) {
            continue;
        }
        tpacket_auxdata facts{};
        std::memcpy(&facts, CMSG_DATA(control), sizeof facts);
        if ((facts.tp_status & TP_STATUS_VLAN_VALID) == 0) {
            return std::nullopt;
        }
        const std::uint16_t type = (facts.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0
                                       ? facts.tp_vlan_tpid
                                       : ETHERTYPE_VLAN;
        const std::uint16_t tag = facts.tp_vlan_tci;
        return std::array<std::uint8_t, kVlanTagBytes>{
            static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type & 0xff),
            static_cast<std::uint8_t>(tag >> 8), static_cast<std::uint8_t>(tag & 0xff)};
    }
    return std::nullopt;
}

// A packet socket bound to an interface; `purpose` says in errors what it was for.
Result<Fd> open_packet_socket(const std::string& interface, int protocol,
                              const std::string& purpose) {
    const std::uint32_t index = TRY(interface_index(interface));
    Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        const int os_errno = errno;
        Error error = error_from_errno(os_errno, purpose);
        if (os_errno == EPERM) {
            error.message +=
                " (CAP_NET_RAW is missing; inside `unshare -Urn` it is there without root)";
        }
        return error;
    }
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(static_cast<std::uint16_t>(protocol));
    address.sll_ifindex = static_cast<int>(index);
    if (::bind(socket.number(),
               reinterpret_cast<const sockaddr*>(&address), // NOLINT: the sockets API
               sizeof address) != 0) {
        return error_from_errno(errno, purpose);
    }
    return socket;
}

} // namespace

Result<std::uint32_t> interface_index(const std::string& name) {
    const std::uint32_t index = ::if_nametoindex(name.c_str());
    if (index == 0) {
        return error_from_errno(ENODEV, fmt::format("interface '{}'", name));
    }
    return index;
}

Result<std::string> interface_name(std::uint32_t index) {
    std::array<char, IFNAMSIZ> name{};
    if (::if_indextoname(index, name.data()) == nullptr) {
        return error_from_errno(errno, fmt::format("interface {}", index));
    }
    return std::string(name.data());
}

Result<InterfaceTable> InterfaceTable::open() {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        return error_from_errno(errno, "asking for interfaces");
    }
    return InterfaceTable(std::move(socket));
}

bool InterfaceTable::has(std::uint32_t index) const {
    ifreq request{};
    request.ifr_ifindex = static_cast<int>(index);
    return ::ioctl(socket_.number(), SIOCGIFNAME, &request) == 0;
}

Result<std::uint64_t> network_namespace() {
    struct stat status {};
    if (::stat("/proc/self/ns/net", &status) != 0) {
        return error_from_errno(errno, "reading /proc/self/ns/net");
    }
    return std::uint64_t{status.st_ino};
}

Result<Fd> open_tap(const std::string& name) {
    Fd tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!tap.is_open()) {
        return error_from_errno(errno, "opening /dev/net/tun");
    }
    ifreq request{};
    TRY(copy_name(request, name));
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(tap.number(), TUNSETIFF, &request) != 0) {
        const int os_errno = errno;
        Error error = error_from_errno(os_errno, fmt::format("making the TAP interface {}", name));
        if (os_errno == EPERM) {
            error.message +=
                " (CAP_NET_ADMIN is missing; inside `unshare -Urn` it is there without root)";
        }
        return error;
    }
    TRY(bring_up(name));
    return tap;
}

Result<Fd> open_packet_observer(const std::string& interface) {
    Fd socket =
        TRY(open_packet_socket(interface, ETH_P_ALL, fmt::format("observing {}", interface)));
    const int yes = 1;
    if (::setsockopt(socket.number(), SOL_PACKET, PACKET_AUXDATA, &yes, sizeof yes) != 0 ||
        ::setsockopt(socket.number(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) != 0) {
        return error_from_errno(errno, fmt::format("observing {}", interface));
    }
    return socket;
}

Result<Fd> open_packet_sender(const std::string& interface) {
    constexpr int kReceiveNothing = 0;
    return open_packet_socket(interface, kReceiveNothing, fmt::format("sending on {}", interface));
}

Result<void> send_packet(const Fd& socket, Bytes frame) {
    if (::send(socket.number(), frame.data(), frame.size(), 0) < 0) {
        return error_from_errno(errno, "sending a packet");
    }
    return {};
}

Result<std::optional<Received>> receive_tap(const Fd& tap, MutableBytes buffer) {
    const ssize_t size = ::read(tap.number(), buffer.data(), buffer.size());
    if (size < 0) {
        if (nothing_waits(errno)) {
            return std::optional<Received>();
        }
        return error_from_errno(errno, "reading from the TAP interface");
    }
    return std::optional(Received{static_cast<std::size_t>(size)});
}

Result<std::optional<Received>> receive_observed(const Fd& socket, MutableBytes buffer) {
    iovec area{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata))> control{};
    msghdr message{};
    message.msg_iov = &area;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(socket.number(), &message, MSG_TRUNC);
    if (size < 0) {
        if (nothing_waits(errno) || errno == ENETDOWN) {
            return std::optional<Received>();
        }
        return error_from_errno(errno, "reading from the interface");
    }
    Received received{static_cast<std::size_t>(size)};
    const auto tag = removed_vlan_tag(message);
    if (tag && received.size_bytes >= kAddressesBytes) {
        received.size_bytes += kVlanTagBytes;
        if (received.size_bytes <= buffer.size()) {
            std::uint8_t* after_addresses = buffer.data() + kAddressesBytes;
            std::memmove(after_addresses + kVlanTagBytes, after_addresses,
                         received.size_bytes - kVlanTagBytes - kAddressesBytes);
            std::memcpy(after_addresses, tag->data(), kVlanTagBytes);
        }
    }
    return std::optional(received);
}

Result<bool> send_tap(const Fd& tap, Bytes frame) {
    const ssize_t size = ::write(tap.number(), frame.data(), frame.size());
    if (size < 0) {
        if (nothing_waits(errno) || errno == ENOBUFS ||
            errno == EIO) { // EIO: the interface is down
            return false;
        }
        return error_from_errno(errno, "writing to the TAP interface");
    }
    return true;
}

} // namespace skep::os
