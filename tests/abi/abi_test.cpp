// SPDX-License-Identifier: Apache-2.0
//
// The same calls, the same answers: every scenario is a row of calls, and each engine gives a row
// of results. The kernel is the oracle; where it does not answer (no bpf(2) for us) its part is
// skipped.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/abi/bench.hpp"

#include "skep/base/bytes.hpp"
#include "skep/os/fd.hpp"
#include "skep/os/memory.hpp"
#include "skep/spec/abi.hpp"
#include "skep/spec/commands.hpp"
#include "skep/spec/map_spec.hpp"

namespace skep {
namespace {

using tests::address_of;
using tests::Bench;
using tests::compare;

using spec::Command;

void element_calls_on(Bench& bench, spec::MapType type, std::uint32_t map_flags) {
    const auto fd = static_cast<std::uint32_t>(bench.map(type, map_flags));
    std::uint32_t key = 1;
    std::uint64_t value[64] = {7};
    std::uint32_t next = 0;
    const auto element = [&](Command command, std::uint64_t flags) {
        bench.call(command, abi::MapElementAttr{fd, 0, address_of(&key), address_of(value), flags});
    };
    for (const std::uint64_t flags : {0ULL, 1ULL, 2ULL, 3ULL, 4ULL, 8ULL, 1ULL << 32}) {
        element(Command::map_update_elem, flags);
        element(Command::map_lookup_elem, flags);
        element(Command::map_lookup_and_delete_elem, flags);
    }
    element(Command::map_update_elem, 0);
    bench.call(Command::map_get_next_key, abi::MapElementAttr{fd, 0, 0, address_of(&next), 0});
    bench.call(Command::map_get_next_key,
               abi::MapElementAttr{fd, 0, address_of(&key), address_of(&next), 0});
    key = 100;
    element(Command::map_update_elem, 0);
    element(Command::map_lookup_elem, 0);
    bench.call(Command::map_delete_elem, abi::MapElementAttr{fd, 0, address_of(&key), 0, 0});
    key = 1;
    bench.call(Command::map_delete_elem, abi::MapElementAttr{fd, 0, address_of(&key), 0, 0});
    bench.call(Command::map_lookup_elem, abi::MapElementAttr{fd, 0, 0, address_of(value), 0});
    bench.call(Command::map_lookup_elem, abi::MapElementAttr{fd, 0, address_of(&key), 0, 0});
    bench.call(Command::map_update_elem, abi::MapElementAttr{fd, 0, 0, address_of(value), 0});
    bench.call(Command::map_update_elem, abi::MapElementAttr{fd, 0, address_of(&key), 0, 0});
    bench.call(Command::map_freeze, abi::FdAttr{fd});
    bench.call(Command::map_freeze, abi::FdAttr{fd});
    element(Command::map_update_elem, 0);
    element(Command::map_lookup_elem, 0);
}

void elements(Bench& bench) {
    for (const spec::MapType type :
         {spec::MapType::hash, spec::MapType::array, spec::MapType::percpu_hash,
          spec::MapType::percpu_array, spec::MapType::lru_hash}) {
        for (const std::uint32_t flags :
             {0U, std::uint32_t{spec::kMapReadOnly}, std::uint32_t{spec::kMapWriteOnly}}) {
            element_calls_on(bench, type, flags);
        }
    }
}

// Sizes and stray bytes of every command, with no descriptor that means anything.
void attribute_sizes(Bench& bench) {
    const std::vector<Command> asked{
        Command::map_lookup_elem,  Command::map_update_elem, Command::map_delete_elem,
        Command::map_get_next_key, Command::map_freeze,      Command::obj_get_info_by_fd,
        Command::prog_bind_map,    Command::link_update,     Command::link_detach,
        Command::map_lookup_batch, Command::prog_test_run,   Command::obj_pin};
    for (const Command command : asked) {
        const auto number = static_cast<std::uint32_t>(command);
        for (const std::size_t size : {0U, 3U, 8U, 16U, 24U, 64U, 168U, 172U, 4096U, 4097U}) {
            ByteVector attributes(size);
            if (size >= 4) {
                std::fill_n(attributes.begin(), 2, std::uint8_t{0xe7}); // no such descriptor
            }
            bench.raw(number, attributes);
            if (size > spec::kUnionBytes) {
                attributes[170] = 1;
                bench.raw(number, attributes);
            } else if (size == spec::kUnionBytes) {
                attributes[spec::find_command(number)->bytes] = 1;
                bench.raw(number, attributes);
            }
        }
    }
    for (const std::uint32_t unknown : {39U, 100U, 0x7fffffffU}) {
        bench.raw(unknown, ByteVector(16));
        bench.raw(unknown, ByteVector(5000));
    }
}

void creation(Bench& bench) {
    abi::MapCreateAttr good{};
    good.map_type = static_cast<std::uint32_t>(spec::MapType::hash);
    good.key_size = 4;
    good.value_size = 8;
    good.max_entries = 4;
    const auto with = [&](auto change) {
        abi::MapCreateAttr attr = good;
        change(attr);
        const long fd = bench.call(Command::map_create, attr);
        os::Fd closed(static_cast<int>(fd));
    };
    with([](auto&) {});
    with([](auto& a) { a.map_type = 0; });
    with([](auto& a) { a.map_type = 99; });
    with([](auto& a) { a.key_size = 0; });
    with([](auto& a) { a.value_size = 0; });
    with([](auto& a) { a.max_entries = 0; });
    with([](auto& a) { a.map_flags = spec::kMapReadOnly | spec::kMapWriteOnly; });
    with([](auto& a) { a.map_flags = spec::kMapReadOnlyProgram | spec::kMapWriteOnlyProgram; });
    with([](auto& a) { a.map_flags = 1U << 30; });
    with([](auto& a) { std::memset(a.map_name, 'a', sizeof a.map_name); });
    with([](auto& a) { std::strcpy(a.map_name, "a-b"); });
    with([](auto& a) { std::strcpy(a.map_name, "a.b_C9"); });
    with([](auto& a) { a.btf_key_type_id = 1; });
    with([](auto& a) { a.btf_value_type_id = 1; });
    with([](auto& a) { a.map_extra = 1; });
    with([](auto& a) { a.map_ifindex = 99999; });
    with([](auto& a) {
        a.map_type = static_cast<std::uint32_t>(spec::MapType::array_of_maps), a.value_size = 4;
    });
    with([](auto& a) { a.excl_prog_hash_size = 5; });
}

void programs(Bench& bench) {
    const std::uint64_t good[] = {0x00000000000000b7ULL, 0x0000000000000095ULL}; // r0 = 0; exit
    const std::uint64_t bad[] = {0x0000000000000095ULL};
    const char license[] = "GPL";
    char log[512];
    abi::ProgLoadAttr base{};
    base.prog_type = 1;
    base.insn_cnt = 2;
    base.insns = address_of(good);
    base.license = address_of(license);
    const auto with = [&](auto change) {
        abi::ProgLoadAttr attr = base;
        change(attr);
        const long fd = bench.call(Command::prog_load, attr);
        os::Fd closed(static_cast<int>(fd));
    };
    with([](auto&) {});
    with([](auto& a) { a.insn_cnt = 0; });
    with([](auto& a) { a.insn_cnt = 1'000'001; });
    with([](auto& a) { a.insns = 0; });
    with([](auto& a) { a.license = 0; });
    with([](auto& a) { a.prog_type = 0; });
    with([](auto& a) { a.prog_type = 77; });
    with([](auto& a) { a.prog_flags = 0x100; });
    with([](auto& a) { a.prog_flags = 0x10; });
    with([](auto& a) { std::strcpy(a.prog_name, "a b"); });
    with([](auto& a) { a.log_level = 16; });
    with([](auto& a) { a.log_size = 10; });
    with([](auto& a) { a.log_level = 1; });
    with([&](auto& a) { a.log_level = 1, a.log_size = sizeof log, a.log_buf = address_of(log); });
    with([&](auto& a) { a.log_level = 1, a.log_size = 4, a.log_buf = address_of(log); });
    with([](auto& a) { a.attach_btf_id = 1; });
    with([&](auto& a) { a.insns = address_of(bad), a.insn_cnt = 1; });
    with([](auto& a) { a.func_info_cnt = 1, a.func_info_rec_size = 8; });
}

// A map is not frozen while somebody could write it through memory.
void freezing(Bench& bench) {
    const std::size_t page = os::page_size();
    const auto fd = static_cast<std::uint32_t>(bench.map(spec::MapType::array, spec::kMapMmapable));
    const os::Fd map = os::duplicate(static_cast<int>(fd)).value();
    auto writes = os::Mapping::of(map, page, os::Protection::read_write);
    ASSERT_TRUE(writes.ok());
    bench.call(Command::map_freeze, abi::FdAttr{fd});
    const auto reads = os::Mapping::of(map, page, os::Protection::read_only);
    *writes = os::Mapping();
    std::uint32_t key = 1;
    std::uint64_t value = 7;
    const abi::MapElementAttr element{fd, 0, address_of(&key), address_of(&value), 0};
    bench.call(Command::map_update_elem, element);
    bench.call(Command::map_freeze, abi::FdAttr{fd});
    bench.call(Command::map_update_elem, element);
    bench.call(Command::map_freeze, abi::FdAttr{fd});
}

TEST(Abi, AMapThatIsMappedToWriteIsNotFrozen) { compare(freezing); }
TEST(Abi, ElementCallsAnswerAsTheKernelDoes) { compare(elements); }
TEST(Abi, AttributesAreCheckedAsTheKernelDoes) { compare(attribute_sizes); }
TEST(Abi, MapsAreMadeAndRefusedAsByTheKernel) { compare(creation); }
TEST(Abi, ProgramsAreTakenAndRefusedAsByTheKernel) { compare(programs); }

} // namespace
} // namespace skep
