// SPDX-License-Identifier: Apache-2.0
//
// Typed requests on top of any transport: one function per thing that people ask of an engine.
//
// Each packs the attributes of a bpf(2) command, sends them, and turns a refusal into an Error
// whose os_errno is the engine's answer. On the kernel engine a refusal for want of privilege says,
// on a second line of the message, which capability is missing.
//
// Records come back whole: info_of_program fetches the arrays that are asked for, in buffers whose
// sizes the engine named a moment before, checked again afterwards.
//
// Proved by: bpf_test.cpp (against a scripted transport, and the kernel where bpf(2) is allowed).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "skep/base/bytes.hpp"
#include "skep/bytecode/insn.hpp"
#include "skep/client/transport.hpp"
#include "skep/os/fd.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/commands.hpp"
#include "skep/spec/map_spec.hpp"
#include "skep/spec/program_types.hpp"

namespace skep::client {

enum class ObjectKind : std::uint8_t { program, map, btf, link };

// The error for a refused command: what was done, the errno's text, and what may help.
Error refused(Transport& engine, spec::Command command, long answer, std::string_view what);

// ---- objects of any kind
Result<std::optional<std::uint32_t>> next_id(Transport& engine, ObjectKind kind,
                                             std::uint32_t after);
Result<std::vector<std::uint32_t>> all_ids(Transport& engine, ObjectKind kind);
Result<os::Fd> open_id(Transport& engine, ObjectKind kind, std::uint32_t id);
// Paths are as the engine understands them (Transport::pin_path).
Result<void> pin(Transport& engine, int fd, const std::string& path);
Result<os::Fd> open_pin(Transport& engine, const std::string& path);
// What a descriptor is, by the name that its file has; nothing for what is no BPF object.
Result<std::optional<ObjectKind>> kind_of(int fd);

// ---- types
Result<os::Fd> load_btf(Transport& engine, Bytes btf);
struct BtfRecord {
    std::uint32_t id = 0;
    bool is_kernel = false;
    std::string name;
    std::uint32_t size_bytes = 0;
    ByteVector bytes; // when fetched
};
enum class BtfBytes : std::uint8_t { leave, fetch };
Result<BtfRecord> info_of_btf(Transport& engine, int fd, BtfBytes bytes);

// ---- maps
struct MapRequest {
    const spec::MapSpec* spec = nullptr;
    int btf_fd = -1;   // types of keys and values; -1: none, and the spec's type ids are not sent
    int inner_fd = -1; // a map of the inner shape
    std::uint32_t ifindex = 0; // of the card that is to hold it
};
Result<os::Fd> create_map(Transport& engine, const MapRequest& request);
Result<abi::MapInfo> info_of_map(Transport& engine, int fd);
// Bytes of a value as elements are read and written: per-CPU maps have one for each possible CPU.
std::uint32_t user_value_bytes(const abi::MapInfo& info);
bool is_per_cpu(spec::MapType type);
Result<ByteVector> lookup(Transport& engine, int fd, const abi::MapInfo& info, Bytes key);
Result<ByteVector> lookup_and_delete(Transport& engine, int fd, const abi::MapInfo& info,
                                     Bytes key);
Result<void> update(Transport& engine, int fd, Bytes key, Bytes value, std::uint64_t flags);
Result<void> erase(Transport& engine, int fd, Bytes key);
// The key after `key`, or the first; an error not_found at the end.
Result<ByteVector> next_key(Transport& engine, int fd, const abi::MapInfo& info,
                            std::optional<Bytes> key);
Result<void> freeze(Transport& engine, int fd);

// ---- programs
struct ProgramRequest {
    std::string name;
    spec::ProgramType type = spec::ProgramType::unspec;
    std::uint32_t expected_attach_type = 0;
    std::uint32_t flags = 0;
    std::uint32_t kernel_version = 0;
    std::uint32_t ifindex = 0;
    std::uint32_t attach_btf_id = 0;
    std::string license;
    std::vector<RawInsn> insns; // maps by descriptor
    int btf_fd = -1;
    std::vector<std::array<std::uint32_t, 2>> functions; // bpf_func_info
    std::vector<std::array<std::uint32_t, 4>> lines;     // bpf_line_info
    std::uint32_t log_level = 0;
};
struct LoadAnswer {
    os::Fd program; // not open when refused
    long answer = 0;
    std::string log; // of the verifier, when one was asked for or the program was refused
};
// Loads; when the engine refuses without having been asked for a log, asks again with one.
LoadAnswer load_program(Transport& engine, const ProgramRequest& request);

struct ProgramRecord {
    abi::ProgInfo info = {};
    std::vector<std::uint32_t> map_ids;
    std::vector<RawInsn> xlated;
    ByteVector jited;
    std::vector<std::uint64_t> ksyms;                    // where each subprogram's code begins
    std::vector<std::uint32_t> func_lens;                // and how many bytes it has
    std::vector<std::array<std::uint32_t, 2>> functions; // instruction, BTF type
    std::vector<std::array<std::uint32_t, 4>>
        lines; // instruction, file, line text, line and column
    std::vector<std::array<std::uint8_t, abi::kTagSize>> tags; // of each subprogram
    std::vector<std::uint64_t> jited_lines;                    // where each line's code begins
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string tag() const; // 16 hexadecimal digits
};
enum class ProgramParts : std::uint8_t { maps, code };
Result<ProgramRecord> info_of_program(Transport& engine, int fd, ProgramParts parts);

// Where the machine code of each running instruction begins, from the whole code's beginning, and
// the end; empty when there is none, or the engine does not tell (the kernel).
Result<std::vector<std::uint32_t>> code_offsets(Transport& engine, int fd);
// Memory in which the engine counts, for each running instruction, how often it is carried out, and
// behind them the runs: while the descriptor is open. The user engine's alone.
Result<os::Fd> profile(Transport& engine, int fd);

struct TestRun {
    Bytes data_in;
    Bytes context_in;
    std::uint32_t data_out_bytes = 0; // room for what comes out
    std::uint32_t context_out_bytes = 0;
    std::uint32_t repeat = 0;
};
struct TestRunAnswer {
    std::uint32_t retval = 0;
    std::uint32_t duration_ns = 0; // of one run, on the average
    ByteVector data_out;
    ByteVector context_out;
};
Result<TestRunAnswer> test_run(Transport& engine, int fd, const TestRun& run);

// ---- attachments
struct LinkRecord {
    abi::LinkInfo info = {};
    std::string text; // the name of a raw tracepoint's or iterator's target
};
Result<LinkRecord> info_of_link(Transport& engine, int fd);
// Another program from the next packet on.
Result<void> update_link(Transport& engine, int fd, int program_fd);
Result<void> detach_link(Transport& engine, int fd);
// Programs at a place: of the network namespace `target_fd`, or of another by attach type.
Result<std::vector<std::uint32_t>> query(Transport& engine, int target_fd, spec::AttachType type);

// Text in a fixed field of a record, up to its zero.
template <std::size_t size>
std::string text_of(const char (&field)[size]) {
    return {field, strnlen(field, size)};
}

} // namespace skep::client
