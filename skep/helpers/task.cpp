// SPDX-License-Identifier: Apache-2.0
//
// Data plane. Who is running: in skep the process that runs the program, which for packets is a
// worker. There is no kernel task, so its address is 0 and its cgroup is unknown.
//
// Proved by: control_test.cpp.
#include <cerrno>
#include <cstring>

#include "skep/helpers/adapter.hpp"
#include "skep/os/clock.hpp"

namespace skep::helpers {
namespace {

using spec::Helper;

std::uint64_t get_current_pid_tgid(Invocation&) { return os::process_and_thread_id(); }
std::uint64_t get_current_uid_gid(Invocation&) { return os::user_and_group_id(); }

std::int64_t get_current_comm(Invocation&, char* name, std::uint32_t size_bytes) {
    if (size_bytes == 0) {
        return -EINVAL;
    }
    std::memset(name, 0, size_bytes);
    os::thread_name(name, size_bytes);
    return 0;
}

std::uint64_t get_current_task(Invocation&) { return 0; }

constexpr Row kRows[] = {
    {Helper::get_current_pid_tgid, kNative<get_current_pid_tgid>},
    {Helper::get_current_uid_gid, kNative<get_current_uid_gid>},
    {Helper::get_current_comm, kNative<get_current_comm>},
    {Helper::get_current_task, kNative<get_current_task>},
};

} // namespace

std::span<const Row> task_helpers() { return kRows; }

} // namespace skep::helpers
