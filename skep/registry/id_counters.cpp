// SPDX-License-Identifier: Apache-2.0
#include "skep/registry/id_counters.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "skep/os/storage/pin_file.hpp"
#include "skep/os/storage/private_directory.hpp"

namespace skep::registry {
namespace {

// The file: a magic number, then the last id of each kind.
constexpr std::uint32_t kMagic = 0x64696b73; // "skid"
constexpr std::size_t kFileBytes = 4096;

} // namespace

Result<IdCounters> IdCounters::open(const std::string& path) {
    os::Mapping mapping;
    if (path.empty()) {
        mapping = TRY(os::Mapping::anonymous(kFileBytes));
    } else {
        const os::Fd file = TRY(os::open_private_file(path));
        TRY(os::resize(file, kFileBytes));
        mapping = TRY(os::Mapping::of(file, kFileBytes, os::Protection::read_write));
    }
    std::uint32_t magic = 0;
    std::memcpy(&magic, mapping.data(), sizeof magic);
    if (magic != kMagic) {
        std::memset(mapping.data(), 0, kFileBytes);
        std::memcpy(mapping.data(), &kMagic, sizeof kMagic);
    }
    return IdCounters(std::move(mapping));
}

std::uint32_t& IdCounters::last(ObjectKind kind) {
    // Aligned: the mapping begins on a page, and each counter takes four bytes after the magic.
    return reinterpret_cast<std::uint32_t*>(mapping_.data())[1 + static_cast<std::size_t>(kind)];
}

std::optional<std::uint32_t> IdCounters::next(ObjectKind kind) {
    std::uint32_t& counter = last(kind);
    if (counter >= static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max())) {
        return std::nullopt;
    }
    return ++counter;
}

void IdCounters::reserve(ObjectKind kind, std::uint32_t id) {
    last(kind) = std::max(last(kind), id);
}

} // namespace skep::registry
