// SPDX-License-Identifier: Apache-2.0
//
// The families of probes, each a function that makes all of its programs.
#pragma once

#include "tests/verdicts/probes/probe.hpp"

namespace skep::tests::probes {

using Callers = std::vector<Caller>;

void offered_helpers(const Callers& callers, const btf::Btf& types, const Sink& sink);
void helper_arguments(const Callers& callers, const btf::Btf& types, const Sink& sink);
void map_calls(const Callers& callers, const btf::Btf& types, const Sink& sink);
void kernel_functions(const Callers& callers, const btf::Btf& types, const Sink& sink);
void context_accesses(const Callers& callers, const btf::Btf& types, const Sink& sink);
void answers(const Callers& callers, const btf::Btf& types, const Sink& sink);

} // namespace skep::tests::probes
