// SPDX-License-Identifier: Apache-2.0
//
// What MAP_CREATE asks of each type, as rows; and who makes it.
#pragma once

#include "skep/maps/shared/family.hpp"

namespace skep::maps {

struct Bounds {
    std::uint32_t least, most;
    int above_error; // below is always EINVAL
    std::uint32_t multiple_of = 1;

    [[nodiscard]] constexpr int check(std::uint32_t number) const {
        return number > most ? above_error : number < least || number % multiple_of != 0 ? EINVAL_ : 0;
    }
    static constexpr int EINVAL_ = 22;
};

struct CreationRow {
    spec::MapType type;
    Bounds key, value, entries;
    std::uint32_t flags_allowed;
    std::uint32_t flags_required;
    MadeMap (*maker)(Plan plan); // null: this build does not carry the type
};

// The row of a type, or null when the type has none.
const CreationRow* creation_row(spec::MapType type);

// The errors of MAP_CREATE that follow from the attributes alone.
Result<void> check_creation(const spec::MapSpec& spec);

} // namespace skep::maps
