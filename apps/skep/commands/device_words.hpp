// SPDX-License-Identifier: Apache-2.0
//
// The words that `net attach` and `link create` share: how a program is put at a device, which
// device, and how a refusal is told.
#pragma once

#include <string>
#include <string_view>

#include "apps/skep/session.hpp"
#include "apps/skep/words.hpp"
#include "skep/client/transport.hpp"
#include "skep/os/fd.hpp"

namespace skep::app {

struct AttachMode {
    std::string_view name;
    client::XdpMode mode = client::XdpMode::any;
};
// `xdp`, `xdpgeneric`, ...
Result<AttachMode> read_attach_mode(Words& words);
// `dev DEVICE`
Result<std::string> read_device(Words& words);

// The first line is the system's word for the error; why an engine refused stands on the next.
Error failed_at_device(std::string_view mode, std::string_view what, Error error);
// What the program's type is good for, when that was why it was refused; else nothing.
std::string type_advice(client::Transport& engine, const os::Fd& program);

} // namespace skep::app
