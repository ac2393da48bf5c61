// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/unprivileged/caller.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "skep/os/files.hpp"
#include "skep/os/process/lock_file.hpp"
#include "skep/os/process/reduced_capabilities.hpp"
#include "skep/os/sharing/child.hpp"
#include "skep/spec/commands.hpp"

namespace skep::tests {
namespace {

constexpr const char* kSwitch = "/proc/sys/kernel/unprivileged_bpf_disabled";
constexpr std::array<std::string_view, 3> kNames{"all", "bpf_only", "nobody"};

std::string lock_path(std::string_view which) {
    return (std::filesystem::temp_directory_path() /
            ("skep-unprivileged-bpf." + std::string(which)))
        .string();
}

std::string switched() {
    std::ifstream file(kSwitch);
    std::string value;
    file >> value;
    return value;
}

bool switch_to(const char* value) {
    std::ofstream file(kSwitch);
    file << value << std::flush;
    return file.good();
}

Result<os::Fd> locked(const std::string& path) {
    os::Fd file = TRY(os::create_to_write(path));
    TRY(os::lock_file(file));
    return file;
}

class KernelAs final : public client::Transport {
  public:
    KernelAs(std::unique_ptr<client::Transport> kernel, Caller caller)
        : kernel_(std::move(kernel)), caller_(caller) {}

    [[nodiscard]] client::EngineKind engine() const override { return kernel_->engine(); }
    long bpf(std::uint32_t command, void* attributes, std::uint32_t size) override {
        const bool makes = command == static_cast<std::uint32_t>(spec::Command::map_create);
        const bool loads = command == static_cast<std::uint32_t>(spec::Command::prog_load);
        const long answer = (loads || makes) && caller_ != Caller::all
                                ? as_caller(command, attributes, size)
                                : kernel_->bpf(command, attributes, size);
        return makes && answer == -EPERM ? kernel_->bpf(command, attributes, size) : answer;
    }

    long as_caller(std::uint32_t command, void* attributes, std::uint32_t size) {
        const auto reduced = caller_ == Caller::bpf_only
                                 ? os::ReducedCapabilities::to({os::Capability::bpf})
                                 : os::ReducedCapabilities::to({});
        return reduced.ok() ? kernel_->bpf(command, attributes, size)
                            : -static_cast<long>(errno_of(reduced.error()));
    }
    Result<void> xdp_attach(const std::string& device, int prog_fd, client::XdpMode mode,
                            client::Replace replace) override {
        return kernel_->xdp_attach(device, prog_fd, mode, replace);
    }
    Result<os::Fd> xdp_link(const std::string& device, int prog_fd, client::XdpMode mode) override {
        return kernel_->xdp_link(device, prog_fd, mode);
    }
    Result<void> xdp_detach(const std::string& device, client::XdpMode mode) override {
        return kernel_->xdp_detach(device, mode);
    }
    Result<std::vector<client::NetAttachment>>
    xdp_list(const std::optional<std::string>& device) override {
        return kernel_->xdp_list(device);
    }
    Result<std::vector<client::TcAttachment>>
    tc_list(const std::optional<std::string>& device) override {
        return kernel_->tc_list(device);
    }
    Result<std::unique_ptr<client::TraceReader>> open_trace() override {
        return kernel_->open_trace();
    }
    Result<std::string> pin_directory() override { return kernel_->pin_directory(); }
    Result<std::string> pin_path(const std::string& path) override {
        return kernel_->pin_path(path);
    }
    Result<FdFacts> fd_facts(int fd) override { return kernel_->fd_facts(fd); }

  private:
    std::unique_ptr<client::Transport> kernel_;
    Caller caller_;
};

} // namespace

std::string_view name_of(Caller caller) { return kNames[static_cast<std::size_t>(caller)]; }

std::optional<Caller> caller_named(std::string_view name) {
    for (std::size_t number = 0; number < kNames.size(); ++number) {
        if (kNames[number] == name) {
            return static_cast<Caller>(number);
        }
    }
    return std::nullopt;
}

verify::Capabilities capabilities_of(Caller caller) {
    verify::Capabilities capabilities;
    capabilities.bpf = caller != Caller::nobody;
    capabilities.perfmon = capabilities.net_admin = caller == Caller::all;
    return capabilities;
}

// The guardian waits for the lock that the holder has while it lives. It shares the holder's turn,
// so that nobody else comes before the switch is back.
std::unique_ptr<PermissionForAll> PermissionForAll::ask() {
    if (switched() != "2" && switched() != "0") {
        return nullptr;
    }
    Result<os::Fd> turn = locked(lock_path("turn"));
    if (!turn.ok() || switched() != "2") {
        return nullptr;
    }
    Result<os::Fd> living = locked(lock_path("living"));
    if (!living.ok()) {
        return nullptr;
    }
    std::unique_ptr<PermissionForAll> permission(new PermissionForAll);
    permission->turn_ = std::move(*turn);
    permission->living_ = std::move(*living);
    permission->guardian_ = os::fork_and_run([&permission] {
        os::leave_terminal();
        permission->living_ = os::Fd();
        if (const Result<os::Fd> ended = locked(lock_path("living")); ended.ok()) {
            switch_to("2");
        }
    });
    if (permission->guardian_ < 0 || !switch_to("0")) {
        return nullptr;
    }
    return permission;
}

PermissionForAll::~PermissionForAll() {
    living_ = os::Fd();
    if (guardian_ >= 0) {
        os::wait_for(guardian_);
    }
}

Result<std::unique_ptr<client::Transport>> connect_kernel_as(Caller caller) {
    return std::unique_ptr<client::Transport>(
        std::make_unique<KernelAs>(TRY(client::connect_kernel()), caller));
}

} // namespace skep::tests
