// SPDX-License-Identifier: Apache-2.0
//
// Probes: small programs that ask one question each, made from the tables, put to both verifiers.
//
// A family of probes takes every row of a table and everything that could stand in it: every helper
// for every kind of program, every offset of a context, every map kind in every call, every answer
// at the exit, every wrong thing for every argument. Nothing is random: the same kernel is asked
// the same questions each time. Where the two differ the kernel is right and the row is to be
// mended, but for what docs/verdict-differences.md names.
//
// What is not asked: programs that this kernel does not load at all (answers EPERM and the like
// count as "not judged").
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "skep/btf/btf.hpp"
#include "skep/load/object.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::tests::probes {

// A kind of program: whoever may be offered something.
struct Caller {
    std::string name;
    spec::ProgramType type = spec::ProgramType::unspec;
    std::uint32_t attach_type = 0;
    std::uint32_t flags = 0;
    std::uint32_t target = 0; // a type of the kernel's
};

// Every program type with every attach type that its loading asks for, and a few targets of those
// that are typed by the kernel.
std::vector<Caller> callers(const btf::Btf& kernel_types);

struct Probe {
    std::string name;
    ProgramSpec program;
};
using Sink = std::function<void(const Probe&)>;

// The program of a caller around these instructions.
ProgramSpec program_of(const Caller& caller, std::vector<RawInsn> insns);
// What it may answer.
std::int32_t allowed_answer(const Caller& caller);

// Maps for probes: one of each kind, by place.
load::ObjectSpec one_map_of_each_kind();

struct Family {
    std::string_view name;
    std::string_view asks;
    void (*make)(const std::vector<Caller>&, const btf::Btf& kernel_types, const Sink&);
    // Some maps belong to the first kind of program that names them: each caller gets new ones.
    bool new_maps = false;
};
const std::vector<Family>& families();

} // namespace skep::tests::probes
