// SPDX-License-Identifier: Apache-2.0
//
// ObjectSpec: what an object file says. Reading one is a pure function of its bytes (and, for
// CO-RE, of the target's BTF): the same on every machine, creating nothing.
//
// A map or program is referred to by its place in the vectors below. Instructions carry map
// references as WideSource::map_index / map_value_index into `maps`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/btf/types_on_demand.hpp"
#include "skep/bytecode/program.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep::load {

// How a map asks to be pinned (LIBBPF_PIN_*): other values are kept as they are and reported.
enum class Pinning : std::uint32_t { none = 0, by_name = 1 };

// One initial slot of a map of maps or a program array.
struct InitialSlot {
    std::uint32_t index = 0;
    // Place in ObjectSpec::maps; in ObjectSpec::programs for a program array, and for struct_ops,
    // whose index is the byte offset in the value.
    std::uint32_t target = 0;
};

struct ObjectMap {
    spec::MapSpec spec;
    std::string section; // ".maps", "maps", ".bss", ".rodata.str1.1", ".kconfig"...
    Pinning pinning = Pinning::none;
    std::vector<std::uint8_t>
        initial_value; // of a global-data map: the whole value; empty otherwise
    std::vector<InitialSlot> initial_slots;
    bool read_only_data = false; // .rodata*, .kconfig: to be frozen after filling
};

struct ObjectProgram {
    ProgramSpec spec;
    bool autoload = true; // a section name with a leading '?' turns it off
    // Why this program cannot be loaded although the object can be read: an extern that nothing
    // defines, a relocation that makes no sense. Whoever loads or verifies it reports this first;
    // the instruction in question is a call of a helper that does not exist.
    std::optional<Error> error;
};

struct ObjectSpec {
    std::string file;
    std::string license;
    std::uint32_t kernel_version = 0;
    std::vector<ObjectMap> maps;
    std::vector<ObjectProgram> programs;
    std::optional<btf::Btf> types;     // .BTF with DATASEC sizes and offsets filled in
    std::vector<std::string> warnings; // what was lenient, one sentence each
};

// CONFIG_X and its value as the configuration has it: y, m, a number, "text".
using KernelConfiguration = std::map<std::string, std::string, std::less<>>;

// Of the target kernel, what costs to find out is asked for when the object needs it.
struct Options {
    std::optional<spec::ProgramType> type;          // for sections whose name tells none
    std::map<std::string, std::uint32_t> map_sizes; // --map-size NAME=N
    btf::TypesOnDemand target_btf;                  // null: relocations are an error when needed
    std::uint32_t kernel_version = 0; // KERNEL_VERSION(a,b,c) for LINUX_KERNEL_VERSION
    // For CONFIG_X; empty, or answering nothing: not known.
    std::function<std::optional<KernelConfiguration>()> kernel_configuration;
    // Of untyped ksyms; 0 is an address that is there and not shown.
    std::function<std::optional<std::uint64_t>(std::string_view)> kernel_address;
};

// Reads an ELF object of machine BPF, either byte order of this host's kind.
Result<ObjectSpec> load_object(Bytes file, std::string file_name, const Options& options);

} // namespace skep::load
