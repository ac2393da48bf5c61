// SPDX-License-Identifier: Apache-2.0
//
// Typed requests against an engine that answers by a script: what is asked, and that no answer,
// however wrong, is believed further than there is room.
#include "skep/client/bpf.hpp"

#include <cerrno>
#include <functional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "skep/client/loading.hpp"

namespace skep::client {
namespace {

using spec::Command;

class ScriptedEngine final : public Transport {
  public:
    using Script = std::function<long(Command, void*)>;
    ScriptedEngine(EngineKind kind, Script script) : kind_(kind), script_(std::move(script)) {}

    [[nodiscard]] EngineKind engine() const override { return kind_; }
    long bpf(std::uint32_t command, void* attributes, std::uint32_t) override {
        asked.push_back(static_cast<Command>(command));
        return script_(asked.back(), attributes);
    }
    Result<void> xdp_attach(const std::string&, int, XdpMode, Replace) override { return none(); }
    Result<os::Fd> xdp_link(const std::string&, int, XdpMode) override { return none(); }
    Result<void> xdp_detach(const std::string&, XdpMode) override { return none(); }
    Result<std::vector<NetAttachment>> xdp_list(const std::optional<std::string>&) override {
        return none();
    }
    Result<std::vector<TcAttachment>> tc_list(const std::optional<std::string>&) override {
        return none();
    }
    Result<std::unique_ptr<TraceReader>> open_trace() override { return none(); }
    Result<std::string> pin_directory() override { return none(); }
    Result<std::string> pin_path(const std::string& path) override { return path; }
    Result<FdFacts> fd_facts(int) override { return none(); }

    std::vector<Command> asked;

  private:
    static Error none() { return fail(Code::unsupported, "not in the script"); }
    EngineKind kind_;
    Script script_;
};

// What a script fills in: bpf_attr has the addresses of its caller as numbers.
template <class T>
T* at_address(std::uint64_t number) {
    return reinterpret_cast<T*>(number);
}

// Answers OBJ_GET_INFO_BY_FD with a record, changed by the script from call to call.
ScriptedEngine telling(std::function<void(int, abi::ProgInfo&)> tell) {
    return {EngineKind::user, [tell = std::move(tell), calls = 0](Command, void* raw) mutable {
                const auto& attr = *static_cast<abi::InfoAttr*>(raw);
                tell(calls++, *at_address<abi::ProgInfo>(attr.info));
                return 0L;
            }};
}

TEST(ProgramInfo, ArraysAreFetchedInTheSizesTheEngineNamed) {
    ScriptedEngine engine = telling([](int, abi::ProgInfo& info) {
        if (info.map_ids != 0) {
            at_address<std::uint32_t>(info.map_ids)[1] = 7;
        }
        info.nr_map_ids = 2;
    });
    const ProgramRecord record = info_of_program(engine, 3, ProgramParts::maps).value();
    EXPECT_EQ(record.map_ids, (std::vector<std::uint32_t>{0, 7}));
}

TEST(ProgramInfo, AnEngineThatNamesMoreTheSecondTimeIsNotBelieved) {
    ScriptedEngine engine = telling([](int call, abi::ProgInfo& info) {
        info.nr_map_ids = call == 0 ? 2 : 2'000'000'000;
        info.xlated_prog_len = call == 0 ? 16 : 0xffffffff;
        info.jited_prog_len = call == 0 ? 4 : 0xffffffff;
        info.nr_line_info = call == 0 ? 1 : 0xffffffff;
    });
    const ProgramRecord record = info_of_program(engine, 3, ProgramParts::code).value();
    EXPECT_EQ(record.map_ids.size(), 2U);
    EXPECT_EQ(record.xlated.size(), 2U);
    EXPECT_EQ(record.jited.size(), 4U);
    EXPECT_EQ(record.lines.size(), 1U);
}

TEST(ProgramInfo, AnEngineThatNamesLessTheSecondTimeGivesLess) {
    ScriptedEngine engine =
        telling([](int call, abi::ProgInfo& info) { info.nr_map_ids = call == 0 ? 5 : 1; });
    EXPECT_EQ(info_of_program(engine, 3, ProgramParts::maps).value().map_ids.size(), 1U);
}

TEST(ProgramInfo, ASizeBeyondAllSenseIsAnError) {
    ScriptedEngine engine = telling([](int, abi::ProgInfo& info) { info.nr_map_ids = 0xffffffff; });
    EXPECT_EQ(info_of_program(engine, 3, ProgramParts::maps).error().code, Code::too_big);
}

ProgramRequest request() {
    ProgramRequest wanted;
    wanted.type = spec::ProgramType::xdp;
    wanted.license = "GPL";
    wanted.insns.resize(1);
    return wanted;
}

TEST(ProgramLoad, ARefusalIsAskedForItsReasonAndALongOneAgain) {
    std::vector<std::uint32_t> log_sizes;
    ScriptedEngine engine(EngineKind::user, [&log_sizes](Command, void* raw) -> long {
        const auto& attr = *static_cast<abi::ProgLoadAttr*>(raw);
        log_sizes.push_back(attr.log_size);
        if (attr.log_size == 0) {
            return -EACCES;
        }
        std::strcpy(at_address<char>(attr.log_buf), "because");
        return log_sizes.size() < 3 ? -ENOSPC : -EACCES;
    });
    const LoadAnswer answer = load_program(engine, request());
    EXPECT_FALSE(answer.program.is_open());
    EXPECT_EQ(answer.answer, -EACCES);
    EXPECT_EQ(answer.log, "because");
    ASSERT_EQ(log_sizes.size(), 3U);
    EXPECT_EQ(log_sizes[0], 0U);
    EXPECT_LT(log_sizes[1], log_sizes[2]);
}

TEST(ProgramLoad, ALogThatNeverFitsEnds) {
    ScriptedEngine engine(EngineKind::user, [](Command, void*) { return -long{ENOSPC}; });
    EXPECT_EQ(load_program(engine, request()).answer, -ENOSPC);
    EXPECT_LT(engine.asked.size(), 8U);
}

// Linux knows its value by the type that the kernel's own description gives it, and registers it
// when it is written: which is for `struct_ops register`, not for loading.
TEST(MapCreate, AStructOpsMapNamesTheKernelsTypeAndIsNotWrittenByLoading) {
    load::ObjectSpec object;
    load::ObjectMap& map = object.maps.emplace_back();
    map.spec.type = spec::MapType::struct_ops;
    map.spec.key_size_bytes = 4;
    map.spec.value_size_bytes = 64;
    map.spec.max_entries = 1;
    map.spec.btf_vmlinux_value_type_id = 4711;
    map.initial_value.resize(64);
    std::uint32_t type_id = 0;
    ScriptedEngine engine(EngineKind::kernel, [&type_id](Command, void* raw) -> long {
        type_id = static_cast<abi::MapCreateAttr*>(raw)->btf_vmlinux_value_type_id;
        return ::dup(0);
    });
    EXPECT_TRUE(judge_programs(engine, object, 0).ok());
    EXPECT_EQ(engine.asked, std::vector<Command>{Command::map_create});
    EXPECT_EQ(type_id, 4711U);
}

TEST(Refusal, CarriesWhatWasDoneAndTheNumberThatWasAnswered) {
    ScriptedEngine kernel(EngineKind::kernel, [](Command, void*) { return -long{EPERM}; });
    const Error error = refused(kernel, Command::prog_load, -EPERM, "failed to load");
    EXPECT_EQ(error.os_errno, EPERM);
    EXPECT_NE(error.message.find("failed to load"), std::string::npos);
}

TEST(Ids, AreAskedForUntilThereAreNoMore) {
    ScriptedEngine engine(EngineKind::user, [](Command, void* raw) -> long {
        auto& attr = *static_cast<abi::IdAttr*>(raw);
        if (attr.id >= 30) {
            return -ENOENT;
        }
        attr.next_id = attr.id + 10;
        return 0;
    });
    EXPECT_EQ(all_ids(engine, ObjectKind::map).value(), (std::vector<std::uint32_t>{10, 20, 30}));
}

TEST(Ids, AnEngineThatGoesInCirclesIsAskedNoFurther) {
    ScriptedEngine engine(EngineKind::user, [](Command, void* raw) -> long {
        static_cast<abi::IdAttr*>(raw)->next_id = 4;
        return 0;
    });
    EXPECT_EQ(all_ids(engine, ObjectKind::map).value(), std::vector<std::uint32_t>{4});
    EXPECT_EQ(engine.asked.size(), 2U);
}

} // namespace
} // namespace skep::client
