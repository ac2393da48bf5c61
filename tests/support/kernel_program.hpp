// SPDX-License-Identifier: Apache-2.0
//
// The running kernel as an engine: PROG_LOAD, then PROG_TEST_RUN.
#pragma once

#include <span>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/bytecode/insn.hpp"
#include "skep/os/fd.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::tests {

// Whether bpf(2) loads programs for us here.
bool kernel_is_available();

class KernelProgram {
  public:
    // The error carries the errno of PROG_LOAD and the last lines of its log.
    static Result<KernelProgram> load(std::span<const RawInsn> insns, spec::ProgramType type,
                                      std::uint32_t flags = 0);

    // A function of struct_ops: a member, by its index, of a structure of the kernel's types.
    static Result<KernelProgram> load_member(std::span<const RawInsn> insns,
                                             std::uint32_t structure, std::uint32_t member);
    // How many instructions the kernel's verifier walked, of a program that it accepts.
    static Result<std::uint64_t> insns_processed(std::span<const RawInsn> insns,
                                                 spec::ProgramType type);

    // What it returns for this packet.
    Result<std::uint32_t> run(Bytes packet) const;
    // How long a run takes, by the kernel's own clock, over this many of them.
    Result<double> time_ns(Bytes packet, std::uint32_t repeat) const;

  private:
    static Result<KernelProgram> from(const abi::ProgLoadAttr& attributes);
    explicit KernelProgram(os::Fd fd) : fd_(std::move(fd)) {}
    os::Fd fd_;
};

} // namespace skep::tests
