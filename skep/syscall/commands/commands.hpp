// SPDX-License-Identifier: Apache-2.0
//
// The commands, by group. Each answers what bpf(2) answers, or kPending and Call::finish() later.
#pragma once

#include <memory>

#include "skep/syscall/call.hpp"
#include "skep/syscall/info_record.hpp"

namespace skep::syscall {

using SharedCall = std::shared_ptr<Call>;
using Handler = Result<long> (*)(const SharedCall&);

// map_create.cpp
Result<long> map_create(const SharedCall& call);
Result<long> map_freeze(const SharedCall& call);
// map_elements.cpp
Result<long> map_lookup(const SharedCall& call);
Result<long> map_update(const SharedCall& call);
Result<long> map_delete(const SharedCall& call);
Result<long> map_next_key(const SharedCall& call);
Result<long> map_lookup_and_delete(const SharedCall& call);
// map_batch.cpp
Result<long> map_lookup_batch(const SharedCall& call);
Result<long> map_lookup_and_delete_batch(const SharedCall& call);
Result<long> map_update_batch(const SharedCall& call);
Result<long> map_delete_batch(const SharedCall& call);
// prog_load.cpp
Result<long> prog_load(const SharedCall& call);
Result<long> prog_bind_map(const SharedCall& call);
// prog_run.cpp
Result<long> prog_test_run(const SharedCall& call);
Result<long> enable_stats(const SharedCall& call);
Result<long> program_profile(const SharedCall& call); // a private command
// objects.cpp
Result<long> obj_pin(const SharedCall& call);
Result<long> obj_get(const SharedCall& call);
Result<long> next_id(const SharedCall& call);
Result<long> descriptor_by_id(const SharedCall& call);
// info.cpp
Result<long> info_by_descriptor(const SharedCall& call);
// btf.cpp
Result<long> btf_load(const SharedCall& call);
// links.cpp
Result<long> link_create(const SharedCall& call);
Result<long> link_update(const SharedCall& call);
Result<long> link_detach(const SharedCall& call);
Result<long> link_info(Call& call, const registry::LinkObject& object, InfoRecord record);
// prog_query.cpp
Result<long> prog_query(const SharedCall& call);
// ports.cpp: private commands
Result<long> port_attach(const SharedCall& call);
Result<long> port_link(const SharedCall& call);
Result<long> port_detach(const SharedCall& call);
Result<long> port_list(const SharedCall& call);
// facts.cpp: private commands
Result<long> trace_open(const SharedCall& call);
Result<long> engine_facts(const SharedCall& call);
Result<long> object_facts(const SharedCall& call);
Result<long> program_code(const SharedCall& call);

} // namespace skep::syscall
