// SPDX-License-Identifier: Apache-2.0
//
// Starting a thread where there may be no room for one (a limit of processes, memory): the library
// throws then, and this is where that ends.
//
// Proved by: thread_test.cpp.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include "skep/base/result.hpp"

namespace skep::os {

template <class Body>
Result<std::thread> start_thread(Body body) {
    try {
        return std::thread(std::move(body));
    } catch (const std::system_error& refused) {
        return error_from_errno(refused.code().value(), "starting a thread");
    }
}

} // namespace skep::os
