// SPDX-License-Identifier: Apache-2.0
//
// The kernel transport: requests go to the running kernel, by the system call and by rtnetlink.
//
// It needs the privileges that the kernel asks for; explain() in bpf.hpp names the one that is
// missing when a request is refused.
#include <deque>
#include <filesystem>

#include <fmt/format.h>

#include "skep/client/transport.hpp"
#include "skep/os/files.hpp"
#include "skep/os/kernel/bpf_syscall.hpp"
#include "skep/os/kernel/route.hpp"
#include "skep/os/kernel/trace_pipe.hpp"
#include "skep/os/net/net_device.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/attach_types.hpp"
#include "skep/spec/commands.hpp"

namespace skep::client {

namespace {

constexpr std::string_view kBpffs = "/sys/fs/bpf";
constexpr std::size_t kMaxLineBytes = 1U << 16;

Result<os::Fd> open_pipe() {
    Result<os::Fd> pipe = os::open_trace_pipe();
    if (!pipe.ok() && pipe.error().code == Code::access_denied) {
        Error error = std::move(pipe).error();
        error.message += "\nthe kernel engine needs CAP_DAC_READ_SEARCH here, since the pipe is "
                         "root's; --engine user needs no privilege";
        return error;
    }
    return pipe;
}

// Cuts the pipe's text into lines.
class PipeReader final : public TraceReader {
  public:
    explicit PipeReader(os::Fd pipe) : pipe_(std::move(pipe)) {}

    Result<std::optional<std::string>> next_line(int timeout_ms) override {
        if (lines_.empty()) {
            text_ += TRY(os::read_within(pipe_, timeout_ms));
            cut();
        }
        if (lines_.empty()) {
            return std::optional<std::string>();
        }
        std::optional<std::string> line = std::move(lines_.front());
        lines_.pop_front();
        return line;
    }

  private:
    void cut() {
        std::size_t begin = 0;
        for (std::size_t end = text_.find('\n'); end != std::string::npos;
             end = text_.find('\n', begin)) {
            lines_.push_back(text_.substr(begin, end - begin));
            begin = end + 1;
        }
        text_.erase(0, begin);
        if (text_.size() > kMaxLineBytes) {
            lines_.push_back(std::exchange(text_, {}));
        }
    }

    os::Fd pipe_;
    std::string text_;
    std::deque<std::string> lines_;
};

std::uint32_t flags_of(XdpMode mode) {
    switch (mode) {
    case XdpMode::generic:
        return os::kXdpGeneric;
    case XdpMode::driver:
        return os::kXdpDriver;
    case XdpMode::offload:
        return os::kXdpOffload;
    case XdpMode::any:
        break;
    }
    return 0;
}

Result<std::uint32_t> index_of(const std::string& device) {
    Result<std::uint32_t> index = os::interface_index(device);
    if (!index.ok()) {
        const bool is_port = device.starts_with("pcap:") || device.starts_with("tap:");
        return Error{Code::invalid_input, 22,
                     fmt::format("invalid devname {}{}", device,
                                 is_port ? "\ncaptures and TAPs are for --engine user" : "")};
    }
    return index;
}

Result<std::optional<std::uint32_t>> index_of(const std::optional<std::string>& device) {
    if (!device.has_value()) {
        return std::optional<std::uint32_t>();
    }
    return std::optional(TRY(index_of(*device)));
}

class KernelTransport final : public Transport {
  public:
    [[nodiscard]] EngineKind engine() const override { return EngineKind::kernel; }

    long bpf(std::uint32_t command, void* attributes, std::uint32_t size) override {
        return os::bpf_syscall(command, attributes, size);
    }

    Result<void> xdp_attach(const std::string& device, int prog_fd, XdpMode mode,
                            Replace replace) override {
        const std::uint32_t only_if_free = replace == Replace::no ? os::kXdpOnlyIfFree : 0U;
        return os::set_xdp(TRY(index_of(device)), prog_fd, flags_of(mode) | only_if_free);
    }

    Result<os::Fd> xdp_link(const std::string& device, int prog_fd, XdpMode mode) override {
        abi::LinkCreateAttr attr{};
        attr.prog_fd = static_cast<std::uint32_t>(prog_fd);
        attr.target_fd = TRY(index_of(device));
        attr.attach_type = static_cast<std::uint32_t>(spec::AttachType::xdp);
        attr.flags = flags_of(mode);
        const long answer = os::bpf_syscall(static_cast<std::uint32_t>(spec::Command::link_create),
                                            &attr, sizeof attr);
        if (answer < 0) {
            return error_from_errno(static_cast<int>(-answer), "");
        }
        return os::Fd(static_cast<int>(answer));
    }

    Result<void> xdp_detach(const std::string& device, XdpMode mode) override {
        constexpr int kNone = -1;
        return os::set_xdp(TRY(index_of(device)), kNone, flags_of(mode));
    }

    Result<std::vector<NetAttachment>> xdp_list(const std::optional<std::string>& device) override {
        std::vector<NetAttachment> attachments;
        const std::optional<std::uint32_t> only = TRY(index_of(device));
        for (os::XdpProgram& program : TRY(os::list_xdp(only))) {
            NetAttachment attachment;
            attachment.device = std::move(program.device);
            attachment.ifindex = program.ifindex;
            attachment.kind = std::move(program.mode);
            attachment.prog_id = program.prog_id;
            attachments.push_back(std::move(attachment));
        }
        return attachments;
    }

    Result<std::vector<TcAttachment>> tc_list(const std::optional<std::string>& device) override {
        std::vector<TcAttachment> attachments;
        const std::optional<std::uint32_t> only = TRY(index_of(device));
        for (os::TcFilter& filter : TRY(os::list_tc(only))) {
            attachments.push_back({std::move(filter.device), filter.ifindex,
                                   std::move(filter.place), std::move(filter.name),
                                   filter.prog_id});
        }
        return attachments;
    }

    Result<std::unique_ptr<TraceReader>> open_trace() override {
        return std::unique_ptr<TraceReader>(std::make_unique<PipeReader>(TRY(open_pipe())));
    }

    Result<std::string> pin_directory() override { return std::string(kBpffs); }
    Result<std::string> pin_path(const std::string& path) override { return path; }

    Result<FdFacts> fd_facts(int fd) override {
        FdFacts facts;
        facts.memlock = TRY(os::fdinfo_number(fd, "memlock")).value_or(0);
        facts.frozen = TRY(os::fdinfo_number(fd, "frozen")).value_or(0) != 0;
        const std::optional<std::uint64_t> owner = TRY(os::fdinfo_number(fd, "owner_prog_type"));
        if (owner.has_value()) {
            facts.owner_program_type = static_cast<std::uint32_t>(*owner);
            facts.owner_is_jited = TRY(os::fdinfo_number(fd, "owner_jited")).value_or(0) != 0;
        }
        return facts;
    }
};

} // namespace

Result<std::unique_ptr<Transport>> connect_kernel() {
    return std::unique_ptr<Transport>(std::make_unique<KernelTransport>());
}

} // namespace skep::client
