// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/pins/pin_directory.hpp"

#include <cerrno>
#include <filesystem>
#include <optional>

#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/storage/pin_file.hpp"
#include "skep/os/storage/private_directory.hpp"

namespace skep::syscall {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKernelsDirectory = "/sys/fs/bpf";

Error refuse(int os_errno, std::string why) {
    return Error{Code::system, os_errno, std::move(why)};
}

bool is_or_is_below(std::string_view path, std::string_view directory) {
    return path.starts_with(directory) &&
           (path.size() == directory.size() || path[directory.size()] == '/');
}

} // namespace

std::string pin_directory_path() {
    const std::string chosen = os::environment_variable("SKEP_BPFFS");
    if (!chosen.empty()) {
        const auto absolute = os::absolute_path(chosen);
        return absolute.ok() ? *absolute : chosen;
    }
    const std::string runtime = os::runtime_directory();
    if (!runtime.empty()) {
        return runtime + "/skep/bpf";
    }
    return os::temporary_directory() + "/skep-" + std::to_string(os::user_id()) + "/bpf";
}

Result<void> PinDirectory::ensure() const {
    TRY_WHILE("the pin directory", os::ensure_private_directory(path_, os::Parent::make));
    return {};
}

Result<std::string> PinDirectory::real_path(const std::string& path) const {
    if (path.empty()) {
        return refuse(ENOENT, "an empty path");
    }
    if (is_or_is_below(path, kKernelsDirectory)) {
        return path_ + path.substr(kKernelsDirectory.size());
    }
    return TRY(os::absolute_path(path));
}

std::optional<std::string> PinDirectory::below(const std::string& real) const {
    std::error_code error;
    const fs::path directory = fs::weakly_canonical(path_, error);
    const fs::path parent = fs::weakly_canonical(fs::path(real).parent_path(), error);
    const std::string place = (parent / fs::path(real).filename()).string();
    if (error || !is_or_is_below(place, directory.string())) {
        return std::nullopt;
    }
    return place.substr(directory.string().size());
}

Result<void> PinDirectory::check_place(const std::string& path) const {
    const std::string real = TRY(real_path(path));
    const auto rest = below(real);
    std::error_code ignored;
    if (!rest) {
        return refuse(fs::exists(real, ignored) ? EEXIST : EPERM,
                      path + " is not in the pin directory " + path_);
    }
    if (rest->find('.') != std::string::npos) {
        return refuse(EPERM, path + ": names of pins have no dots");
    }
    return {};
}

Result<os::Fd> PinDirectory::create(const std::string& path) const {
    TRY(ensure());
    TRY(check_place(path));
    return os::create_pin_file(TRY(real_path(path)));
}

Result<os::Fd> PinDirectory::open(const std::string& path) const {
    const std::string real = TRY(real_path(path));
    const auto rest = below(real);
    if (rest && rest->find('.') != std::string::npos) {
        return refuse(EPERM, path + ": names of pins have no dots");
    }
    return os::open_pin_file(real);
}

void PinDirectory::remove(const std::string& path) const {
    if (const auto real = real_path(path); real.ok()) {
        os::remove_file(*real);
    }
}

} // namespace skep::syscall
