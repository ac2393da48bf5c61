// SPDX-License-Identifier: Apache-2.0
#include "skep/client/user_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "skep/client/trace_reader.hpp"
#include "skep/datapath/port_counters.hpp"
#include "skep/datapath/port_spec.hpp"
#include "skep/os/net/net_device.hpp"
#include "skep/spec/private/private_commands.hpp"

namespace skep::client {

using spec::Command;

namespace {

constexpr std::uint32_t number_of(spec::PrivateCommand command) {
    return static_cast<std::uint32_t>(command);
}

std::uint64_t address_of(const void* pointer) {
    return reinterpret_cast<std::uint64_t>(pointer);
} // NOLINT: the ABI's form

// "pcap:IN" means what is attached to "pcap:IN,OUT" too.
bool is_same_port(const std::string& listed, const std::string& name) {
    return listed == name || listed.starts_with(name + ",") || name.starts_with(listed + ",");
}

Result<NetAttachment> read_attachment(ByteReader& reader) {
    const Bytes bytes = TRY(reader.read_bytes(sizeof(abi::PortRecord)));
    abi::PortRecord record{};
    std::memcpy(&record, bytes.data(), sizeof record);
    const Bytes name = TRY(reader.read_bytes(record.name_bytes));
    const Bytes state = TRY(reader.read_bytes(record.state_bytes));
    if (record.kind > static_cast<std::uint32_t>(datapath::PortKind::observe)) {
        return fail(Code::invalid_input, "the engine lists a port of no kind");
    }
    const auto kind = static_cast<datapath::PortKind>(record.kind);
    NetAttachment attachment;
    attachment.device.assign(name.begin(), name.end());
    attachment.ifindex = record.ifindex;
    attachment.kind = datapath::word_of(kind);
    attachment.prog_id = record.prog_id;
    attachment.enforced = kind != datapath::PortKind::observe;
    attachment.verdicts.assign(std::begin(record.verdicts), std::end(record.verdicts));
    attachment.no_redirect_target = record.no_redirect_target;
    attachment.state.assign(state.begin(), state.end());
    return attachment;
}

Result<void> check_mode(XdpMode mode) {
    if (mode == XdpMode::offload) {
        return Error{Code::unsupported, EINVAL,
                     "skep's engine runs on no network card: xdpoffload needs --engine kernel"};
    }
    return {};
}

} // namespace

long UserTransport::bpf(std::uint32_t command, void* attributes, std::uint32_t size) {
    Answer answer = carry(command, attributes, size);
    if (answer.result == -EREMOTE && command == static_cast<std::uint32_t>(Command::link_create)) {
        const Result<long> linked = link_interface(attributes, size);
        answer = linked.ok() ? Answer{*linked, {}}
                             : Answer{-errno_of(linked.error()), linked.error().message};
    }
    last_message_ = std::move(answer.message);
    return answer.result;
}

Result<UserTransport::PortRequest> UserTransport::port_request(const std::string& device,
                                                               int prog_fd, Replace replace) {
    PortRequest request;
    datapath::OpenedPort& port = request.port;
    abi::PortAttachAttr& attr = request.attributes;
    port.spec.name = TRY(datapath::port_name(device));
    attr.prog_fd = static_cast<std::uint32_t>(prog_fd);
    attr.flags = replace == Replace::yes ? abi::kPortReplace : 0;
    attr.network_namespace = TRY(os::network_namespace());
    // Opening empties the file to write and takes the TAP: not while a program is at work there.
    bool at_work = false;
    for (const NetAttachment& each : TRY(xdp_list(std::nullopt))) {
        at_work = at_work || (is_same_port(each.device, port.spec.name) &&
                              (each.state == "running" || replace == Replace::no));
    }
    if (!at_work) {
        port = TRY(datapath::open_port_files(device));
    } else if (device.starts_with("pcap:")) {
        port.spec.kind = datapath::PortKind::capture;
    }
    attr.kind = static_cast<std::uint32_t>(port.spec.kind);
    attr.ifindex = port.spec.ifindex;
    attr.flags |= port.spec.out_is_pcapng ? abi::kPortOutIsPcapng : 0;
    attr.file_count = static_cast<std::uint32_t>(port.files.size());
    for (std::size_t i = 0; i < abi::kPortFiles; ++i) {
        attr.files[i] = i < port.files.size() ? port.files[i].number() : -1;
    }
    return request;
}

Result<void> UserTransport::xdp_attach(const std::string& device, int prog_fd, XdpMode mode,
                                       Replace replace) {
    TRY(check_mode(mode));
    PortRequest request = TRY(port_request(device, prog_fd, replace));
    request.attributes.name = address_of(request.port.spec.name.c_str());
    TRY(ask(number_of(spec::PrivateCommand::port_attach), request.attributes));
    return {};
}

Result<os::Fd> UserTransport::xdp_link(const std::string& device, int prog_fd, XdpMode mode) {
    TRY(check_mode(mode));
    PortRequest request = TRY(port_request(device, prog_fd, Replace::no));
    request.attributes.name = address_of(request.port.spec.name.c_str());
    const long number = TRY(ask(number_of(spec::PrivateCommand::port_link), request.attributes));
    return os::Fd(static_cast<int>(number));
}

Result<long> UserTransport::link_interface(const void* attributes, std::uint32_t size) {
    abi::LinkCreateAttr attr{};
    std::memcpy(&attr, attributes, std::min<std::size_t>(size, sizeof attr));
    const auto device = os::interface_name(attr.target_fd);
    if (!device.ok()) {
        return Error{Code::invalid_input, EINVAL,
                     "no interface here has number " + std::to_string(attr.target_fd)};
    }
    os::Fd link = TRY(xdp_link(*device, static_cast<int>(attr.prog_fd), XdpMode::any));
    return long{link.release()};
}

Result<void> UserTransport::xdp_detach(const std::string& device, XdpMode) {
    const std::string name = TRY(datapath::port_name(device));
    abi::PortDetachAttr attr{};
    attr.name = address_of(name.c_str());
    attr.network_namespace = TRY(os::network_namespace());
    const auto detached = ask(number_of(spec::PrivateCommand::port_detach), attr);
    if (!detached.ok()) {
        TRY(datapath::check_device(device));
        return detached.error();
    }
    return {};
}

Result<std::vector<NetAttachment>>
UserTransport::xdp_list(const std::optional<std::string>& device) {
    ByteVector records(4096);
    abi::PortListAttr attr{};
    while (true) {
        attr.records = address_of(records.data());
        attr.size = static_cast<std::uint32_t>(records.size());
        const auto answered = ask(number_of(spec::PrivateCommand::port_list), attr);
        if (answered.ok()) {
            break;
        }
        if (errno_of(answered.error()) != ENOSPC || attr.needed <= records.size()) {
            return answered.error();
        }
        records.resize(attr.needed);
    }
    if (attr.needed > records.size()) {
        return fail(Code::invalid_input, "the engine lists more than it gave");
    }
    std::optional<std::string> name;
    if (device) {
        name = TRY(datapath::port_name(*device));
    }
    std::vector<NetAttachment> attachments;
    ByteReader reader(Bytes(records).first(attr.needed));
    while (!reader.at_end()) {
        NetAttachment attachment = TRY(read_attachment(reader));
        if (!name || is_same_port(attachment.device, *name)) {
            attachments.push_back(std::move(attachment));
        }
    }
    if (device && attachments.empty()) {
        TRY(datapath::check_device(*device));
    }
    return attachments;
}

// tc runs on the kernel's devices alone.
Result<std::vector<TcAttachment>> UserTransport::tc_list(const std::optional<std::string>&) {
    return std::vector<TcAttachment>();
}

Result<std::unique_ptr<TraceReader>> UserTransport::open_trace() {
    abi::TraceOpenAttr attr{};
    const long number = TRY(ask(number_of(spec::PrivateCommand::trace_open), attr));
    return make_ring_reader(os::Fd(static_cast<int>(number)));
}

Result<std::string> UserTransport::pin_directory() {
    TRY(pins_.ensure());
    return pins_.path();
}

Result<std::string> UserTransport::pin_path(const std::string& path) {
    return pins_.real_path(path);
}

Result<Transport::FdFacts> UserTransport::fd_facts(int fd) {
    abi::ObjectFactsAttr attr{};
    attr.fd = static_cast<std::uint32_t>(fd);
    TRY(ask(number_of(spec::PrivateCommand::object_facts), attr));
    FdFacts facts;
    facts.memlock = attr.memlock;
    facts.frozen = attr.frozen != 0;
    return facts;
}

} // namespace skep::client
