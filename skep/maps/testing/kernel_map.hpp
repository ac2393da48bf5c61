// SPDX-License-Identifier: Apache-2.0
//
// For tests: the running kernel's map with the same specification, to be asked the same questions.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>

#include "skep/maps/map.hpp"
#include "skep/os/bpf_call.hpp"
#include "skep/spec/abi.hpp"

namespace skep::maps::testing {

enum KernelCommand : int {
    kCreate = 0,
    kLookup = 1,
    kUpdate = 2,
    kDelete = 3,
    kNextKey = 4,
    kTake = 21
};

class KernelMap {
  public:
    // The descriptor, or a negative errno.
    static long create(const spec::MapSpec& spec) {
        abi::MapCreateAttr attributes{};
        attributes.map_type = static_cast<std::uint32_t>(spec.type);
        attributes.key_size = spec.key_size_bytes;
        attributes.value_size = spec.value_size_bytes;
        attributes.max_entries = spec.max_entries;
        attributes.map_flags = spec.flags;
        attributes.map_extra = spec.map_extra;
        attributes.numa_node = spec.numa_node;
        return os::bpf_call(kCreate, &attributes, sizeof attributes);
    }
    static std::optional<KernelMap> make(const spec::MapSpec& spec) {
        const long fd = create(spec);
        return fd < 0 ? std::nullopt : std::optional<KernelMap>(KernelMap(static_cast<int>(fd)));
    }

    int read(const void* key, void* value) { return call(kLookup, key, value, 0); }
    int write(const void* key, const void* value, std::uint64_t flags) {
        return call(kUpdate, key, value, flags);
    }
    int erase(const void* key) { return call(kDelete, key, nullptr, 0); }
    int next(const void* key, void* next_key) { return call(kNextKey, key, next_key, 0); }
    int take(const void* key, void* value) { return call(kTake, key, value, 0); }
    [[nodiscard]] const os::Fd& fd() const { return fd_; }

  private:
    explicit KernelMap(int fd) : fd_(fd) {}

    int call(int command, const void* key, const void* value, std::uint64_t flags) {
        abi::MapElementAttr attributes{};
        attributes.map_fd = static_cast<std::uint32_t>(fd_.number());
        attributes.key = reinterpret_cast<std::uintptr_t>(key);
        attributes.value = reinterpret_cast<std::uintptr_t>(value);
        attributes.flags = flags;
        return static_cast<int>(os::bpf_call(command, &attributes, sizeof attributes));
    }

    os::Fd fd_;
};

} // namespace skep::maps::testing
