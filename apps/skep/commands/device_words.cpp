// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/device_words.hpp"

#include <algorithm>
#include <array>

#include "skep/client/bpf.hpp"
#include "skep/observe/object_views.hpp"
#include "skep/observe/view.hpp"

namespace skep::app {
namespace {

constexpr std::array kModes{
    AttachMode{"xdp", client::XdpMode::any},
    AttachMode{"xdpgeneric", client::XdpMode::generic},
    AttachMode{"xdpdrv", client::XdpMode::driver},
    AttachMode{"xdpoffload", client::XdpMode::offload},
};

} // namespace

Result<AttachMode> read_attach_mode(Words& words) {
    const std::string typed = words.take();
    for (const AttachMode& row : kModes) {
        if (stands_for(typed, row.name)) {
            return row;
        }
    }
    return fail(Code::invalid_input, fmt::format("invalid net attach/detach type: {}", typed));
}

Result<std::string> read_device(Words& words) {
    if (!words.take_keyword("dev")) {
        return fail(Code::invalid_input, fmt::format("expected 'dev', got: {}", words.shown()));
    }
    return words.value("the device");
}

Error failed_at_device(std::string_view mode, std::string_view what, Error error) {
    if (error.message.starts_with("invalid devname")) {
        return error;
    }
    const int os_errno = errno_of(error);
    Error said = error_from_errno(os_errno, fmt::format("interface {} {} failed", mode, what));
    // The engine's own words follow; a line that the number says already is left out.
    const std::size_t first_line = std::min(error.message.find('\n'), error.message.size());
    if (said.message.ends_with(error.message.substr(0, first_line))) {
        error.message.erase(0, first_line);
        said.message += error.message;
    } else {
        said.message += "\n" + error.message;
    }
    return {error.code, os_errno, std::move(said.message)};
}

std::string type_advice(client::Transport& engine, const os::Fd& program) {
    const Result<client::ProgramRecord> record =
        client::info_of_program(engine, program.number(), client::ProgramParts::maps);
    if (!record.ok() || record->info.type == static_cast<std::uint32_t>(spec::ProgramType::xdp)) {
        return {};
    }
    return fmt::format("\nthe program's type is {}, and only xdp programs fit here",
                       observe::name_of_program_type(record->info.type));
}

} // namespace skep::app
