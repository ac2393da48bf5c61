// SPDX-License-Identifier: Apache-2.0
//
// What BTF_LOAD asks of BTF beyond what parse() does: an exact header, names that are identifiers,
// linkages, sizes that fit, members that lie within. What an object file holds need not pass before
// a loader has mended it; what is handed to bpf(2) must.
//
// Found by asking a running kernel about changed BTF. Limit: a split BTF is not judged.
//
// Proved by: tests/btf/btf_load_test.cpp (the kernel's answers on changed BTF).
#pragma once

#include "skep/btf/btf.hpp"

namespace skep::btf {

// Parses raw BTF as BTF_LOAD would take it; the error carries the kernel's errno.
Result<Btf> parse_for_kernel(Bytes raw);

} // namespace skep::btf
