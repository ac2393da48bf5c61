// SPDX-License-Identifier: Apache-2.0
//
// Programs of one engine that tail-call programs of another, from a subprogram that goes on
// afterwards: what the engine keeps in the invocation is its own again when the call is over.
#include <gtest/gtest.h>

#include "skep/bytecode/assemble.hpp"
#include "skep/run/code/guard.hpp"
#include "tests/support/engines.hpp"
#include "tests/support/unchecked.hpp"

namespace skep::tests {
namespace {

// R0 = 1000 * what the tail call answered + 1 + 2 + 3, added up by a callback after it.
constexpr std::string_view kGoesOn = R"(
    r6 = 0
    r2 = map_idx[0]
    call away
    r6 = r0
    *(u64 *)(r10 - 8) = 0
    r1 = 4
    r2 = func[add]
    r3 = r10
    r3 += -8
    r4 = 0
    call 181
    if r0 != 4 goto wrong
    r0 = *(u64 *)(r10 - 8)
    r6 *= 1000
    r0 += r6
    exit
wrong:
    r0 = -1
    exit
away:
    r3 = 0
    call 12
    r0 = -3
    exit
add:
    r3 = *(u64 *)(r2 + 0)
    r3 += r1
    *(u64 *)(r2 + 0) = r3
    r0 = 0
    exit
)";

// R0 = the rounds of a loop, by a callback of its own.
constexpr std::string_view kIsCalled = R"(
    r1 = 5
    r2 = func[nothing]
    r3 = 0
    r4 = 0
    call 181
    exit
nothing:
    r0 = 0
    exit
)";

// A tail call of the program's own, to the second slot.
constexpr std::string_view kPassesOn = R"(
    r2 = map_idx[0]
    r3 = 1
    call 12
    r0 = -3
    exit
)";

// Reads memory that is not there.
constexpr std::string_view kFaults = R"(
    r1 = 8
    r0 = *(u64 *)(r1 + 0)
    exit
)";

// Stands for a registry of two programs.
constexpr std::uint32_t kFirstId = 5;
using Programs = std::array<run::Executable*, 2>;
run::Executable* program_of(void* owner, std::uint32_t id) {
    const std::uint32_t place = id - kFirstId;
    return place < 2 ? (*static_cast<Programs*>(owner))[place] : nullptr;
}
void* program_by_id(void* owner, std::uint32_t id) { return program_of(owner, id); }
bool run_program(void* owner, std::uint32_t id, helpers::Invocation& invocation,
                 std::uint64_t* result) {
    run::Executable* const program = program_of(owner, id);
    if (program != nullptr) {
        *result = program->run(invocation.context, invocation);
    }
    return program != nullptr;
}

class Crossing : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(run::code::install_fault_handlers().ok());
        spec_.name = "programs";
        spec_.type = spec::MapType::prog_array;
        spec_.key_size_bytes = 4;
        spec_.value_size_bytes = 4;
        spec_.max_entries = 2;
        auto made = maps::make_map(spec_, 1);
        ASSERT_TRUE(made.ok());
        map_ = std::move(made).value();
        for (std::uint32_t key = 0; key < 2; ++key) {
            const std::uint32_t id = kFirstId + key;
            ASSERT_EQ(map_->update(reinterpret_cast<const std::uint8_t*>(&key),
                                   reinterpret_cast<const std::uint8_t*>(&id), 0, 0),
                      0);
        }
    }

    [[nodiscard]] std::unique_ptr<run::Executable> make(const Engine& engine,
                                                        std::string_view text) const {
        const auto assembled = assemble(text);
        EXPECT_TRUE(assembled.ok()) << assembled.error().message;
        UncheckedOptions options;
        options.maps = {spec_};
        auto executable =
            engine.make(unchecked(assembled->insns, std::move(options)), {{map_.get()}, {}});
        EXPECT_TRUE(executable.ok()) << executable.error().message;
        return std::move(executable).value();
    }

    // How a program's own tail call goes on, in generated code: inside the call, or when the
    // program has ended.
    enum class GoesOn : bool { inside, at_the_end };
    struct Ended {
        std::uint64_t answer;
        std::uint32_t faults;
    };
    // Twice on one invocation: nothing of the first run is left for the second.
    static Ended run_twice(run::Executable& outer, Programs called, GoesOn how) {
        helpers::Services services;
        services.owner = &called;
        services.run_program = run_program;
        services.program_by_id = how == GoesOn::at_the_end ? program_by_id : nullptr;
        helpers::Invocation invocation;
        invocation.services = &services;
        const std::uint64_t first = outer.run(nullptr, invocation);
        invocation.tail_calls = 0;
        EXPECT_EQ(outer.run(nullptr, invocation), first);
        EXPECT_EQ(invocation.next_program, nullptr);
        return {first, invocation.faults};
    }

    spec::MapSpec spec_;
    std::unique_ptr<maps::Map> map_;
};

TEST_F(Crossing, CallbacksAreTheCallersOwnAfterATailCall) {
    for (const Engine& outer : engines()) {
        const auto goes_on = make(outer, kGoesOn);
        for (const Engine& inner : engines()) {
            const auto is_called = make(inner, kIsCalled);
            for (const GoesOn how : {GoesOn::inside, GoesOn::at_the_end}) {
                EXPECT_EQ(run_twice(*goes_on, {is_called.get()}, how).answer, 5006U)
                    << outer.name << " calls " << inner.name;
            }
        }
    }
}

TEST_F(Crossing, WhatIsCalledMayCallAnotherAtItsEnd) {
    for (const Engine& outer : engines()) {
        const auto goes_on = make(outer, kGoesOn);
        for (const Engine& inner : engines()) {
            const auto passes_on = make(inner, kPassesOn);
            const auto is_called = make(outer, kIsCalled);
            const Programs called{passes_on.get(), is_called.get()};
            for (const GoesOn how : {GoesOn::inside, GoesOn::at_the_end}) {
                EXPECT_EQ(run_twice(*goes_on, called, how).answer, 5006U)
                    << outer.name << " calls " << inner.name;
                EXPECT_EQ(run_twice(*passes_on, called, how).answer, 5U)
                    << inner.name << " calls " << outer.name;
            }
        }
    }
}

// Engines that guard nothing are left out: a fault in the interpreter is the process's.
TEST_F(Crossing, AFaultInWhatIsCalledEndsTheRun) {
    for (const Engine& outer : engines()) {
        for (const Engine& inner : engines()) {
            if (inner.name.find("interpreter") != std::string_view::npos ||
                outer.name.find("interpreter") != std::string_view::npos) {
                continue;
            }
            const auto goes_on = make(outer, kGoesOn);
            const auto passes_on = make(outer, kPassesOn);
            const auto faults = make(inner, kFaults);
            for (const GoesOn how : {GoesOn::inside, GoesOn::at_the_end}) {
                EXPECT_GE(run_twice(*goes_on, {faults.get()}, how).faults, 2U)
                    << outer.name << " calls " << inner.name;
                const Ended ended = run_twice(*passes_on, {nullptr, faults.get()}, how);
                EXPECT_GE(ended.faults, 2U) << outer.name << " calls " << inner.name;
                EXPECT_EQ(ended.answer, 0U) << outer.name << " calls " << inner.name;
            }
        }
    }
}

} // namespace
} // namespace skep::tests
