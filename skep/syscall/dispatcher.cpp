// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/dispatcher.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "skep/spec/private/private_commands.hpp"
#include "skep/syscall/commands/commands.hpp"

namespace skep::syscall {
namespace {

using spec::Command;
using spec::PrivateCommand;

struct HandlerRow {
    Command command;
    Handler handler;
};

constexpr std::array kHandlers{
    HandlerRow{Command::map_create, map_create},
    HandlerRow{Command::map_lookup_elem, map_lookup},
    HandlerRow{Command::map_update_elem, map_update},
    HandlerRow{Command::map_delete_elem, map_delete},
    HandlerRow{Command::map_get_next_key, map_next_key},
    HandlerRow{Command::prog_load, prog_load},
    HandlerRow{Command::obj_pin, obj_pin},
    HandlerRow{Command::obj_get, obj_get},
    HandlerRow{Command::prog_test_run, prog_test_run},
    HandlerRow{Command::prog_get_next_id, next_id},
    HandlerRow{Command::map_get_next_id, next_id},
    HandlerRow{Command::prog_get_fd_by_id, descriptor_by_id},
    HandlerRow{Command::map_get_fd_by_id, descriptor_by_id},
    HandlerRow{Command::obj_get_info_by_fd, info_by_descriptor},
    HandlerRow{Command::prog_query, prog_query},
    HandlerRow{Command::btf_load, btf_load},
    HandlerRow{Command::btf_get_fd_by_id, descriptor_by_id},
    HandlerRow{Command::map_lookup_and_delete_elem, map_lookup_and_delete},
    HandlerRow{Command::map_freeze, map_freeze},
    HandlerRow{Command::btf_get_next_id, next_id},
    HandlerRow{Command::map_lookup_batch, map_lookup_batch},
    HandlerRow{Command::map_lookup_and_delete_batch, map_lookup_and_delete_batch},
    HandlerRow{Command::map_update_batch, map_update_batch},
    HandlerRow{Command::map_delete_batch, map_delete_batch},
    HandlerRow{Command::link_create, link_create},
    HandlerRow{Command::link_update, link_update},
    HandlerRow{Command::link_get_fd_by_id, descriptor_by_id},
    HandlerRow{Command::link_get_next_id, next_id},
    HandlerRow{Command::enable_stats, enable_stats},
    HandlerRow{Command::link_detach, link_detach},
    HandlerRow{Command::prog_bind_map, prog_bind_map},
    HandlerRow{static_cast<Command>(PrivateCommand::port_attach), port_attach},
    HandlerRow{static_cast<Command>(PrivateCommand::port_link), port_link},
    HandlerRow{static_cast<Command>(PrivateCommand::port_detach), port_detach},
    HandlerRow{static_cast<Command>(PrivateCommand::port_list), port_list},
    HandlerRow{static_cast<Command>(PrivateCommand::trace_open), trace_open},
    HandlerRow{static_cast<Command>(PrivateCommand::engine_facts), engine_facts},
    HandlerRow{static_cast<Command>(PrivateCommand::object_facts), object_facts},
    HandlerRow{static_cast<Command>(PrivateCommand::program_code), program_code},
    HandlerRow{static_cast<Command>(PrivateCommand::program_profile), program_profile},
};

Handler handler_of(Command command) {
    const auto* row =
        std::find_if(kHandlers.begin(), kHandlers.end(),
                     [command](const HandlerRow& each) { return each.command == command; });
    return row == kHandlers.end() ? nullptr : row->handler;
}

bool all_zero(Bytes bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

// Copies the attributes in and checks what the row says about them. Attributes longer than any that
// are known are fine as long as the rest is zero: a newer program speaks to us.
Result<void> take_attributes(Call& call, const spec::CommandRow* row) {
    if (call.attributes_size > spec::kMaximumAttributeBytes) {
        return answer(E2BIG, "the attributes are longer than a page");
    }
    ByteVector all(call.attributes_size);
    TRY(call.caller->read(call.attributes_address, all));
    const std::size_t known = std::min<std::size_t>(all.size(), spec::kUnionBytes);
    if (!all_zero(Bytes(all).subspan(known))) {
        return answer(E2BIG, "the attributes have a part that this engine does not know");
    }
    if (row == nullptr) {
        return answer(EINVAL, "no such command");
    }
    std::copy_n(all.begin(), known, call.attributes.begin());
    if (!all_zero(Bytes(call.attributes).subspan(row->bytes))) {
        return answer(EINVAL, "the attributes have something after the last field of " +
                                  std::string(row->name));
    }
    return {};
}

Result<long> dispatch(const SharedCall& call) {
    const spec::CommandRow* row = spec::find_command(call->command);
    TRY(take_attributes(*call, row));
    if (const Handler handler = handler_of(row->command); handler != nullptr) {
        return handler(call);
    }
    const bool is_private = call->command >= spec::kFirstPrivateCommand;
    if (is_private && call->engine.control) {
        return call->engine.control(*call);
    }
    return answer(EOPNOTSUPP, "skep's engine does not have " + std::string(row->name) + " yet");
}

} // namespace

void Dispatcher::call(std::shared_ptr<Caller> caller, std::uint32_t command,
                      std::uint64_t attributes, std::uint32_t size, Done done) {
    auto call = std::make_shared<Call>(
        Call{engine_, std::move(caller), command, attributes, size, {}, std::move(done)});
    call->finish(dispatch(call));
}

} // namespace skep::syscall
