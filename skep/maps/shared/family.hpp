// SPDX-License-Identifier: Apache-2.0
//
// What the factory asks of a family: a maker from a specification that creation.cpp has checked.
#pragma once

#include <memory>

#include "skep/maps/shared/store.hpp"

namespace skep::maps {

struct Plan {
    spec::MapSpec spec;
    std::uint32_t slot_count = 1; // possible CPUs
    Source source;
};

using MadeMap = Result<std::unique_ptr<Map>>;

MadeMap make_array(Plan plan);        // array/array.cpp
MadeMap make_percpu_array(Plan plan); // array/array.cpp
MadeMap make_slots(Plan plan);        // array/slots.cpp: arrays whose slots hold ids
MadeMap make_hash(Plan plan);         // hash/hash_map.cpp: all hash kinds
MadeMap make_ring(Plan plan);         // queue/ring_buffer.cpp
MadeMap make_queue(Plan plan);        // queue/queue.cpp: queue and stack
MadeMap make_bloom(Plan plan);        // hash/bloom.cpp
MadeMap make_trie(Plan plan);         // trie/lpm_trie.cpp

} // namespace skep::maps
