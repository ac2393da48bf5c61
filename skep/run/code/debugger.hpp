// SPDX-License-Identifier: Apache-2.0
//
// The debugger's view of generated code: GDB's JIT interface.
//
// A debugger stops at __jit_debug_register_code and reads __jit_debug_descriptor, a list of object
// files in memory. For each program there is one that holds nothing but names: a section at the
// code's address without contents, and a symbol for each subprogram. Backtraces, breakpoints by
// name and `info symbol` then know BPF programs.
//
// Control plane; any thread. The two names with underscores are the interface's own, and the list
// behind them is one for the process because a debugger looks for it by name.
//
// Proved by: debugger_test.cpp (and gdb, where it is installed).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "skep/base/bytes.hpp"
#include "skep/run/executable.hpp"

namespace skep::run::code {

// The object file: ELF for this machine, names alone.
ByteVector debug_object(const CodeListing& listing, std::span<const std::string> names);

// Code that debuggers are told of, as long as this lives; the code must live as long.
class DebuggerEntry {
  public:
    DebuggerEntry();
    DebuggerEntry(const CodeListing& listing, std::span<const std::string> names);
    DebuggerEntry(DebuggerEntry&& other) noexcept;
    DebuggerEntry& operator=(DebuggerEntry&& other) noexcept;
    DebuggerEntry(const DebuggerEntry&) = delete;
    DebuggerEntry& operator=(const DebuggerEntry&) = delete;
    ~DebuggerEntry();

  private:
    struct Link;
    std::unique_ptr<Link> link_;
};

// The names of a program's functions as perf and debuggers show them, main first.
std::vector<std::string> function_names(const verify::VerifiedProgram& program);

} // namespace skep::run::code
