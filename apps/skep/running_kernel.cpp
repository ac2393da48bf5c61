// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/running_kernel.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "skep/os/command.hpp"
#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"

namespace skep::app {
namespace {

constexpr const char* kTypes = "/sys/kernel/btf/vmlinux";
constexpr const char* kPackedConfiguration = "/proc/config.gz";

// Where distributions keep it, else as the kernel shows it of itself.
std::optional<load::KernelConfiguration> read_configuration() {
    const auto plain = os::read_file("/boot/config-" + os::kernel_release());
    if (plain.ok()) {
        return configuration_in({reinterpret_cast<const char*>(plain->data()), // NOLINT: text
                                 plain->size()});
    }
    if (!os::read_file(kPackedConfiguration).ok()) {
        return std::nullopt;
    }
    const auto unpacked = os::run_command({"gzip", "-dc", kPackedConfiguration});
    return unpacked.ok() && unpacked->exit_status == 0
               ? std::optional(configuration_in(unpacked->output))
               : std::nullopt;
}

} // namespace

std::uint32_t version_number(std::string_view release) {
    std::array<std::uint32_t, 3> parts{};
    for (std::uint32_t& part : parts) {
        const auto [end, error] =
            std::from_chars(release.data(), release.data() + release.size(), part);
        if (error != std::errc()) {
            return 0;
        }
        release.remove_prefix(static_cast<std::size_t>(end - release.data()));
        if (!release.starts_with('.')) {
            break;
        }
        release.remove_prefix(1);
    }
    constexpr std::uint32_t kMost = 255; // a stable kernel's third number may be larger
    return parts[0] << 16 | parts[1] << 8 | std::min(parts[2], kMost);
}

load::KernelConfiguration configuration_in(std::string_view text) {
    load::KernelConfiguration configuration;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const std::size_t equals = line.find('=');
        if (line.starts_with("CONFIG_") && equals != std::string_view::npos) {
            configuration.emplace(line.substr(0, equals), line.substr(equals + 1));
        }
    }
    return configuration;
}

const btf::Btf* RunningKernel::read_types() {
    if (!std::exchange(types_were_read_, true)) {
        const auto begin = std::chrono::steady_clock::now();
        const auto raw = os::read_file(kTypes);
        auto types = raw.ok() ? btf::Btf::parse(*raw) : Result<btf::Btf>(raw.error());
        if (types.ok()) {
            types_ = std::move(*types);
        }
        reading_time_ = std::chrono::steady_clock::now() - begin;
    }
    return types_.has_value() ? &*types_ : nullptr;
}

btf::TypesOnDemand RunningKernel::types() {
    return btf::TypesOnDemand([this] { return read_types(); });
}

void RunningKernel::tell(load::Options& options) {
    options.target_btf = types();
    if (options.kernel_version == 0) {
        options.kernel_version = version_number(os::kernel_release());
    }
    options.kernel_configuration = read_configuration;
    options.kernel_address = [this](std::string_view name) {
        if (!symbols_.has_value()) {
            symbols_ = KernelSymbols::read();
        }
        return symbols_->address_of(name);
    };
}

} // namespace skep::app
