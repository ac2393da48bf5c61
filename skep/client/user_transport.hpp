// SPDX-License-Identifier: Apache-2.0
//
// UserTransport: what both ways to skep's own engine have in common. Everything is a command,
// private ones among them, so a way to the engine is a way to carry commands.
//
// Ports are opened here, in the client's directory, namespaces and rights, and handed over; so is
// the interface that a LINK_CREATE names, once the engine has found nothing wrong with the rest.
#pragma once

#include <string>

#include "skep/client/transport.hpp"
#include "skep/datapath/port_spec.hpp"
#include "skep/spec/private/private_abi.hpp"
#include "skep/syscall/pins/pin_directory.hpp"

namespace skep::client {

class UserTransport : public Transport {
  public:
    [[nodiscard]] EngineKind engine() const override { return EngineKind::user; }
    long bpf(std::uint32_t command, void* attributes, std::uint32_t size) override;
    [[nodiscard]] std::string last_message() const override { return last_message_; }

    Result<void> xdp_attach(const std::string& device, int prog_fd, XdpMode mode,
                            Replace replace) override;
    Result<os::Fd> xdp_link(const std::string& device, int prog_fd, XdpMode mode) override;
    Result<void> xdp_detach(const std::string& device, XdpMode mode) override;
    Result<std::vector<NetAttachment>> xdp_list(const std::optional<std::string>& device) override;
    Result<std::vector<TcAttachment>> tc_list(const std::optional<std::string>& device) override;
    Result<std::unique_ptr<TraceReader>> open_trace() override;
    Result<std::string> pin_directory() override;
    Result<std::string> pin_path(const std::string& path) override;
    Result<FdFacts> fd_facts(int fd) override;

  protected:
    struct Answer {
        long result = 0;
        std::string message;
    };
    virtual Answer carry(std::uint32_t command, void* attributes, std::uint32_t size) = 0;
    // The same as a Result; for private commands.
    template <class T>
    Result<long> ask(std::uint32_t command, T& attributes) {
        const Answer answer = carry(command, &attributes, sizeof attributes);
        if (answer.result < 0) {
            return Error{Code::system, static_cast<int>(-answer.result), answer.message};
        }
        return answer.result;
    }
    [[nodiscard]] const syscall::PinDirectory& pins() const { return pins_; }

    explicit UserTransport(std::string pin_directory) : pins_(std::move(pin_directory)) {}

  private:
    // What is given to port_attach and port_link: the port, open unless a program is at work there,
    // and the attributes; their `name` is set by whoever sends them.
    struct PortRequest {
        datapath::OpenedPort port;
        abi::PortAttachAttr attributes{};
    };
    Result<PortRequest> port_request(const std::string& device, int prog_fd, Replace replace);
    Result<long> link_interface(const void* attributes, std::uint32_t size);

    syscall::PinDirectory pins_;
    std::string last_message_;
};

} // namespace skep::client
