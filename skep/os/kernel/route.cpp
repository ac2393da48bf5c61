// SPDX-License-Identifier: Apache-2.0
//
// rtnetlink. A request is a ByteWriter in the machine's byte order; a reply is walked as
// attributes:
//
//   ┌────────┬────────┬───────────────┐
//   │ length │  type  │ payload, then padding to 4 │ ...
//   │  u16   │  u16   │               │
//   └────────┴────────┴───────────────┘
#include "skep/os/kernel/route.hpp"

#include <array>
#include <cerrno>
#include <functional>
#include <map>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "skep/base/bytes.hpp"
#include "skep/os/fd.hpp"

namespace skep::os {

namespace {

constexpr std::size_t kReplyBytes = 1U << 20;
constexpr int kAnswerSeconds = 10;

constexpr std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

using Attributes = std::map<std::uint16_t, Bytes>;

Result<Attributes> read_attributes(Bytes bytes) {
    Attributes found;
    while (bytes.size() >= 4) {
        const auto length = TRY(read_at<std::uint16_t>(bytes, 0, std::endian::native));
        const auto type = TRY(read_at<std::uint16_t>(bytes, 2, std::endian::native));
        if (length < 4) {
            return fail(Code::invalid_input,
                        "the route socket sent an attribute shorter than its header");
        }
        found[type & NLA_TYPE_MASK] = TRY(slice(bytes, 4, length - 4U));
        bytes = bytes.subspan(std::min(bytes.size(), aligned(length)));
    }
    return found;
}

std::uint32_t number_in(const Attributes& attributes, std::uint16_t type) {
    const auto at = attributes.find(type);
    return at == attributes.end()
               ? 0
               : read_at<std::uint32_t>(at->second, 0, std::endian::native).value_or(0);
}

std::string text_in(const Attributes& attributes, std::uint16_t type) {
    const auto at = attributes.find(type);
    if (at == attributes.end()) {
        return {};
    }
    const Result<std::string_view> text = text_at(at->second, 0);
    return text.ok() ? std::string(*text) : std::string();
}

void write_attribute(ByteWriter& writer, std::uint16_t type, Bytes payload) {
    writer.write(static_cast<std::uint16_t>(4 + payload.size()));
    writer.write(type);
    writer.write_bytes(payload);
    for (std::size_t at = payload.size(); at < aligned(payload.size()); ++at) {
        writer.write(std::uint8_t{0});
    }
}

template <class Record>
void write_record(ByteWriter& writer, const Record& record) {
    writer.write_bytes({reinterpret_cast<const std::uint8_t*>(&record),
                        sizeof(record)}); // NOLINT: bytes of a local
}

// A message of one kind: its type, what follows the netlink header.
struct Message {
    std::uint16_t type = 0;
    Bytes payload;
};
using OnMessage = std::function<Result<void>(const Message&)>;

Error refusal(Bytes payload, std::uint16_t flags, int os_errno) {
    Error error = error_from_errno(os_errno, "");
    if (error.message.starts_with(": ")) {
        error.message.erase(0, 2);
    }
    // After the error number comes the header of the request, and with NLM_F_CAPPED nothing of its
    // body.
    std::size_t attributes_at = 4 + sizeof(nlmsghdr);
    if ((flags & NLM_F_CAPPED) == 0) {
        attributes_at =
            4 + aligned(read_at<std::uint32_t>(payload, 4, std::endian::native).value_or(0));
    }
    if ((flags & NLM_F_ACK_TLVS) != 0 && attributes_at <= payload.size()) {
        const Result<Attributes> attributes = read_attributes(payload.subspan(attributes_at));
        if (attributes.ok()) {
            const std::string said = text_in(*attributes, NLMSGERR_ATTR_MSG);
            error.message += said.empty() ? "" : "\nkernel: " + said;
        }
    }
    return error;
}

class RouteSocket {
  public:
    static Result<RouteSocket> open() {
        Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
        if (!fd.is_open()) {
            return error_from_errno(errno, "opening a route socket");
        }
        const int on = 1;
        setsockopt(fd.number(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
        setsockopt(fd.number(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
        const timeval limit{.tv_sec = kAnswerSeconds, .tv_usec = 0};
        setsockopt(fd.number(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        return RouteSocket(std::move(fd));
    }

    Result<void> ask(std::uint16_t type, std::uint16_t flags, Bytes payload,
                     const OnMessage& on_message) {
        ByteWriter request(std::endian::native);
        const nlmsghdr header{.nlmsg_len =
                                  static_cast<std::uint32_t>(sizeof(nlmsghdr) + payload.size()),
                              .nlmsg_type = type,
                              .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags),
                              .nlmsg_seq = ++sequence_,
                              .nlmsg_pid = 0};
        write_record(request, header);
        request.write_bytes(payload);
        const ByteVector& bytes = request.bytes();
        if (send(fd_.number(), bytes.data(), bytes.size(), 0) < 0) {
            return error_from_errno(errno, "asking the route socket");
        }
        return read_answer(on_message);
    }

  private:
    explicit RouteSocket(Fd fd) : fd_(std::move(fd)), buffer_(kReplyBytes) {}

    Result<void> read_answer(const OnMessage& on_message) {
        while (true) {
            const ssize_t size = recv(fd_.number(), buffer_.data(), buffer_.size(), MSG_TRUNC);
            if (size < 0 && errno == EINTR) {
                continue;
            }
            if (size < 0) {
                return error_from_errno(errno, "reading from the route socket");
            }
            if (static_cast<std::size_t>(size) > buffer_.size()) {
                return fail(Code::too_big, "the route socket sent more than a message may hold");
            }
            Bytes rest(buffer_.data(), static_cast<std::size_t>(size));
            if (TRY(read_messages(rest, on_message))) {
                return {};
            }
        }
    }

    // True when the answer is complete.
    Result<bool> read_messages(Bytes rest, const OnMessage& on_message) const {
        while (rest.size() >= sizeof(nlmsghdr)) {
            const auto length = TRY(read_at<std::uint32_t>(rest, 0, std::endian::native));
            const auto type = TRY(read_at<std::uint16_t>(rest, 4, std::endian::native));
            const auto flags = TRY(read_at<std::uint16_t>(rest, 6, std::endian::native));
            const auto sequence = TRY(read_at<std::uint32_t>(rest, 8, std::endian::native));
            if (length < sizeof(nlmsghdr)) {
                return fail(Code::invalid_input,
                            "the route socket sent a message shorter than its header");
            }
            const Bytes payload = TRY(slice(rest, sizeof(nlmsghdr), length - sizeof(nlmsghdr)));
            rest = rest.subspan(std::min(rest.size(), aligned(length)));
            if (sequence != sequence_) {
                continue;
            }
            if (type == NLMSG_DONE) {
                return true;
            }
            if (type == NLMSG_ERROR) {
                const auto number = TRY(read_at<std::int32_t>(payload, 0, std::endian::native));
                return number == 0 ? Result<bool>(true)
                                   : Result<bool>(refusal(payload, flags, -number));
            }
            TRY(on_message({type, payload}));
        }
        return false;
    }

    Fd fd_;
    ByteVector buffer_;
    std::uint32_t sequence_ = 0;
};

struct Device {
    std::uint32_t ifindex = 0;
    std::string name;
    std::vector<XdpProgram> xdp;
};

Result<void> read_xdp(Device& device, Bytes nested) {
    const Attributes xdp = TRY(read_attributes(nested));
    const auto attached = xdp.find(IFLA_XDP_ATTACHED);
    if (attached == xdp.end() || attached->second.empty() ||
        attached->second[0] == XDP_ATTACHED_NONE) {
        return {};
    }
    const auto add = [&](std::string_view mode, std::uint16_t type) {
        if (const std::uint32_t id = number_in(xdp, type); id != 0) {
            device.xdp.push_back({device.ifindex, device.name, std::string(mode), id});
        }
    };
    if (attached->second[0] == XDP_ATTACHED_MULTI || xdp.count(IFLA_XDP_SKB_PROG_ID) +
                                                             xdp.count(IFLA_XDP_DRV_PROG_ID) +
                                                             xdp.count(IFLA_XDP_HW_PROG_ID) >
                                                         0) {
        add("generic", IFLA_XDP_SKB_PROG_ID);
        add("driver", IFLA_XDP_DRV_PROG_ID);
        add("offload", IFLA_XDP_HW_PROG_ID);
        return {};
    }
    constexpr std::array<std::string_view, 4> kModes{"", "driver", "generic", "offload"};
    add(kModes[std::min<std::size_t>(attached->second[0], 3)], IFLA_XDP_PROG_ID);
    return {};
}

Result<std::vector<Device>> list_devices(RouteSocket& route, std::optional<std::uint32_t> ifindex) {
    std::vector<Device> devices;
    ifinfomsg request = {};
    ByteWriter payload(std::endian::native);
    write_record(payload, request);
    const auto on_link = [&](const Message& message) -> Result<void> {
        if (message.type != RTM_NEWLINK) {
            return {};
        }
        Device device;
        device.ifindex = TRY(read_at<std::uint32_t>(message.payload, offsetof(ifinfomsg, ifi_index),
                                                    std::endian::native));
        const Bytes rest = TRY(
            slice(message.payload, sizeof(ifinfomsg),
                  message.payload.size() - std::min(message.payload.size(), sizeof(ifinfomsg))));
        const Attributes attributes = TRY(read_attributes(rest));
        device.name = text_in(attributes, IFLA_IFNAME);
        if (const auto xdp = attributes.find(IFLA_XDP); xdp != attributes.end()) {
            TRY(read_xdp(device, xdp->second));
        }
        if (!ifindex.has_value() || *ifindex == device.ifindex) {
            devices.push_back(std::move(device));
        }
        return {};
    };
    TRY(route.ask(RTM_GETLINK, NLM_F_DUMP, payload.bytes(), on_link));
    return devices;
}

struct Parent {
    std::uint32_t handle = 0;
    std::string place;
};

// A message about traffic control of the device, its attributes; nothing when it is of another one.
Result<std::optional<Attributes>> tc_attributes(const Message& message, std::uint32_t ifindex) {
    if (TRY(read_at<std::uint32_t>(message.payload, offsetof(tcmsg, tcm_ifindex),
                                   std::endian::native)) != ifindex) {
        return std::optional<Attributes>();
    }
    const Bytes rest =
        TRY(slice(message.payload, sizeof(tcmsg), message.payload.size() - sizeof(tcmsg)));
    return std::optional(TRY(read_attributes(rest)));
}

ByteVector tc_request(std::uint32_t ifindex, std::uint32_t parent) {
    tcmsg request = {};
    request.tcm_ifindex = static_cast<int>(ifindex);
    request.tcm_parent = parent;
    ByteWriter payload(std::endian::native);
    write_record(payload, request);
    return payload.take();
}

Result<std::vector<Parent>> list_parents(RouteSocket& route, std::uint32_t ifindex) {
    std::vector<Parent> parents;
    const auto on_discipline = [&](const Message& message) -> Result<void> {
        const std::optional<Attributes> attributes = TRY(tc_attributes(message, ifindex));
        if (!attributes.has_value()) {
            return {};
        }
        const std::string kind = text_in(*attributes, TCA_KIND);
        const auto handle = TRY(read_at<std::uint32_t>(message.payload, offsetof(tcmsg, tcm_handle),
                                                       std::endian::native));
        if (kind == "clsact") {
            parents.push_back({TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), "clsact/ingress"});
            parents.push_back({TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), "clsact/egress"});
        } else if (handle != 0) {
            parents.push_back({handle, kind});
        }
        return {};
    };
    TRY(route.ask(RTM_GETQDISC, NLM_F_DUMP, tc_request(ifindex, 0), on_discipline));
    return parents;
}

Result<void> list_filters(RouteSocket& route, const Device& device, const Parent& parent,
                          std::vector<TcFilter>& filters) {
    return route.ask(RTM_GETTFILTER, NLM_F_DUMP, tc_request(device.ifindex, parent.handle),
                     [&](const Message& message) -> Result<void> {
                         const std::optional<Attributes> attributes =
                             TRY(tc_attributes(message, device.ifindex));
                         if (!attributes.has_value() || text_in(*attributes, TCA_KIND) != "bpf" ||
                             attributes->count(TCA_OPTIONS) == 0) {
                             return {};
                         }
                         const Attributes options =
                             TRY(read_attributes(attributes->at(TCA_OPTIONS)));
                         if (const std::uint32_t id = number_in(options, TCA_BPF_ID); id != 0) {
                             filters.push_back({device.ifindex, device.name, parent.place,
                                                text_in(options, TCA_BPF_NAME), id});
                         }
                         return {};
                     });
}

} // namespace

Result<std::vector<XdpProgram>> list_xdp(std::optional<std::uint32_t> ifindex) {
    RouteSocket route = TRY(RouteSocket::open());
    std::vector<XdpProgram> programs;
    for (Device& device : TRY(list_devices(route, ifindex))) {
        programs.insert(programs.end(), device.xdp.begin(), device.xdp.end());
    }
    return programs;
}

Result<std::vector<TcFilter>> list_tc(std::optional<std::uint32_t> ifindex) {
    RouteSocket route = TRY(RouteSocket::open());
    std::vector<TcFilter> filters;
    for (const Device& device : TRY(list_devices(route, ifindex))) {
        for (const Parent& parent : TRY(list_parents(route, device.ifindex))) {
            // A discipline that takes no filters refuses the question; it has none, then.
            Result<void> listed = list_filters(route, device, parent, filters);
            if (!listed.ok() && listed.error().code == Code::system) {
                return listed.error();
            }
        }
    }
    return filters;
}

Result<void> set_xdp(std::uint32_t ifindex, int prog_fd, std::uint32_t flags) {
    RouteSocket route = TRY(RouteSocket::open());
    ByteWriter nested(std::endian::native);
    const auto write_number = [&](std::uint16_t type, std::uint32_t number) {
        ByteWriter payload(std::endian::native);
        payload.write(number);
        write_attribute(nested, type, payload.bytes());
    };
    write_number(IFLA_XDP_FD, static_cast<std::uint32_t>(prog_fd));
    if (flags != 0) {
        write_number(IFLA_XDP_FLAGS, flags);
    }
    ifinfomsg request = {};
    request.ifi_index = static_cast<int>(ifindex);
    ByteWriter payload(std::endian::native);
    write_record(payload, request);
    write_attribute(payload, NLA_F_NESTED | IFLA_XDP, nested.bytes());
    return route.ask(RTM_SETLINK, NLM_F_ACK, payload.bytes(),
                     [](const Message&) { return Result<void>(); });
}

} // namespace skep::os
