// SPDX-License-Identifier: Apache-2.0
#include "skep/datapath/port_counters.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace skep::datapath {

Result<SharedCounters> SharedCounters::create() {
    os::Fd fd =
        TRY_WHILE("making a port's counters", os::make_memfd("skep-port", sizeof(PortCounters)));
    os::Mapping mapping =
        TRY(os::Mapping::of(fd, sizeof(PortCounters), os::Protection::read_write));
    return SharedCounters(std::move(fd), std::move(mapping));
}

Result<SharedCounters> SharedCounters::open(os::Fd memfd) {
    if (TRY(os::size_of(memfd)) != sizeof(PortCounters)) {
        return skep::fail(Code::invalid_input, "these are not a port's counters");
    }
    os::Mapping mapping =
        TRY(os::Mapping::of(memfd, sizeof(PortCounters), os::Protection::read_write));
    return SharedCounters(std::move(memfd), std::move(mapping));
}

PortCounters& SharedCounters::operator*() const {
    return *reinterpret_cast<PortCounters*>(
        mapping_.data()); // NOLINT: shared memory of our own layout
}

std::string SharedCounters::state_text() const {
    switch ((*this)->state.load(std::memory_order_acquire)) {
    case PortState::starting:
        return "starting";
    case PortState::running:
        return "running";
    case PortState::ended:
        return "ended";
    case PortState::failed:
        break;
    }
    const char* text = (*this)->failure;
    const char* end = std::find(text, text + sizeof(PortCounters::failure), '\0');
    return fmt::format("failed: {}", std::string(text, end));
}

void SharedCounters::fail(const std::string& why) const {
    const std::size_t size = std::min(why.size(), sizeof(PortCounters::failure) - 1);
    std::memcpy((*this)->failure, why.data(), size);
    (*this)->failure[size] = '\0';
    (*this)->state.store(PortState::failed, std::memory_order_release);
}

} // namespace skep::datapath
