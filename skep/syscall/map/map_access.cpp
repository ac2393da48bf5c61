// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/map/map_access.hpp"

#include <cerrno>

namespace skep::syscall {

Result<std::shared_ptr<registry::MapObject>> map_for(const Call& call, std::int64_t number,
                                                     Need need) {
    const int fd = TRY(call.caller->descriptor(number));
    auto map = TRY(call.object_as<registry::MapObject>(number));
    const os::Access access = TRY(os::access_of(fd));
    if (need != Need::write && access == os::Access::write_only) {
        return answer(EPERM, "the descriptor is write-only");
    }
    if (need != Need::read && (access == os::Access::read_only || map->frozen)) {
        return answer(EPERM, map->frozen ? "the map is frozen" : "the descriptor is read-only");
    }
    return map;
}

} // namespace skep::syscall
