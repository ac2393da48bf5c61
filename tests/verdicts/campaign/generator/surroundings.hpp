// SPDX-License-Identifier: Apache-2.0
//
// What generated programs find around them: maps by number, and types of their functions.
#pragma once

#include "skep/load/object.hpp"

namespace skep::tests::campaign {

// What generated programs have: maps, and types of as many functions as one program may need.
load::ObjectSpec generated_world_object();

// Places in the list of generated_world_object().
enum GeneratedMap : std::int32_t {
    kArrayMap,
    kHashMap,
    kPerCpuMap,
    kWordMap,
    kRingMap,
    kProgramsMap,
    kQueueMap,
    kEventsMap,
    kOuterMap,
    kTrieMap,
    kLruMap,
    kConstantMap,
    kStackTraceMap,
    kWriteOnlyMap,
    kReadOnlyQueueMap,
    kFormatMap,
    kGeneratedMapCount,
};

// The BTF ids of those functions: the main program's, and of the others by number.
inline constexpr std::uint32_t kMostFunctions = 8;
std::uint32_t main_function_type();
std::uint32_t static_function_type(std::uint32_t number);
std::uint32_t global_function_type(std::uint32_t number); // takes two numbers

} // namespace skep::tests::campaign
