// SPDX-License-Identifier: Apache-2.0
//
// Calls judged one by one, in states made by hand.
#include <gtest/gtest.h>

#include "skep/btf/builder.hpp"
#include "skep/bytecode/unresolved.hpp"
#include "skep/spec/helpers.hpp"
#include "skep/verify/calls/call.hpp"

namespace skep::verify {
namespace {

using spec::Helper;
using spec::MapType;
using spec::ProgramType;

// A program of one call, and the state before it.
struct Bench {
    std::vector<spec::MapSpec> maps;
    ProgramSpec program;
    Environment environment;
    Subject subject{program, environment, {}, {}};
    State state = State::entering(0);

    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;
    ~Bench() = default;
    explicit Bench(Helper helper, ProgramType type = ProgramType::xdp) {
        program.type = type;
        program.license = "GPL";
        Insn call;
        call.kind = InsnKind::call_helper;
        call.imm = static_cast<std::int32_t>(helper);
        subject.insns.push_back(call);
        state.set_reg(1, Value::pointer(ValueKind::context));
    }
    void add_map(MapType type, std::uint32_t key, std::uint32_t value, std::uint32_t entries = 8) {
        spec::MapSpec map;
        map.type = type;
        map.key_size_bytes = key;
        map.value_size_bytes = value;
        map.max_entries = entries;
        maps.push_back(map);
        environment.maps = maps;
    }
    static Value map_pointer(std::uint32_t index = 0) {
        return Value::pointer(ValueKind::map_pointer, 0, index);
    }
    // Stack bytes with a value in them, and a pointer to them.
    Value stack_bytes(int offset, unsigned size) {
        state.stack_for_write(0).set_bytes(offset, size, SlotByte::misc);
        return Value::stack_pointer(0, offset);
    }
    Ruling<CallPlan> check() const { return check_helper_call(subject, state, InsnIndex{0}); }
    std::string refusal() const {
        const Ruling<CallPlan> ruling = check();
        return ruling.ok() ? "accepted" : ruling.finding().kernel_message;
    }
    Value step() {
        IdSource ids;
        const Ruling<CallPlan> plan = check();
        EXPECT_TRUE(plan.ok()) << refusal();
        if (plan.ok()) {
            step_helper_call(subject, *plan, InsnIndex{0}, state, ids);
        }
        return state.reg(0);
    }
};

struct Lookup : Bench {
    explicit Lookup(MapType type = MapType::hash) : Bench(Helper::map_lookup_elem) {
        add_map(type, 4, 16);
        state.set_reg(1, map_pointer());
        state.set_reg(2, stack_bytes(-4, 4));
    }
};

TEST(HelperCall, TheGateAsksInTheKernelsOrder) {
    Bench unknown(Helper::map_lookup_elem);
    unknown.subject.insns[0].imm = 212;
    EXPECT_EQ(unknown.refusal(), "invalid func unknown#212");
    EXPECT_EQ(Bench(Helper::get_current_comm, ProgramType::lirc_mode2).refusal(),
              "program of this type cannot use helper bpf_get_current_comm#16");
    Bench bare(Helper::trace_printk);
    bare.program.license = "MIT";
    EXPECT_EQ(bare.refusal(),
              "cannot call GPL-restricted function from non-GPL compatible program");
}

TEST(HelperCall, WhatALoaderCouldNotResolveIsSaidToBeSo) {
    Bench unresolved(Helper::map_lookup_elem);
    unresolved.subject.insns[0].imm = kUnresolvedInsn.imm;
    EXPECT_EQ(unresolved.refusal(), "invalid func unknown#195896080");
    EXPECT_NE(unresolved.check().finding().because.find("not there"), std::string::npos);
}

TEST(HelperCall, ALookupInAnArrayForEachCpuAtAKnownIndexIsNeverNull) {
    Lookup bench(MapType::percpu_array);
    bench.state.stack_for_write(0).spill(-8, 4, Value::constant(3));
    bench.state.set_reg(2, Value::stack_pointer(0, -8));
    EXPECT_FALSE(bench.step().may_be_null());
}

TEST(HelperCall, ALookupGivesAValueThatMayBeNull) {
    Lookup bench;
    const Value found = bench.step();
    EXPECT_TRUE(found.is(ValueKind::map_value));
    EXPECT_TRUE(found.may_be_null());
    EXPECT_NE(found.id, 0U);
    EXPECT_FALSE(bench.state.reg(1).is_initialised());
}

TEST(HelperCall, ALookupInAnArrayAtAKnownIndexIsNeverNull) {
    Lookup bench(MapType::array);
    bench.state.stack_for_write(0).spill(-8, 4, Value::constant(3));
    bench.state.set_reg(2, Value::stack_pointer(0, -8));
    EXPECT_FALSE(bench.step().may_be_null());

    Lookup beyond(MapType::array);
    beyond.state.stack_for_write(0).spill(-8, 4, Value::constant(8));
    beyond.state.set_reg(2, Value::stack_pointer(0, -8));
    EXPECT_TRUE(beyond.step().may_be_null());
}

TEST(HelperCall, AnArgumentOfAnotherKindIsNamedWithWhatIsExpected) {
    Lookup bench;
    bench.state.set_reg(1, Value::unknown());
    EXPECT_EQ(bench.refusal(), "R1 type=scalar expected=map_ptr");
    bench.state.set_reg(1, Bench::map_pointer());
    bench.state.set_reg(2, Value::pointer(ValueKind::map_value, kMaybeNull, 0));
    EXPECT_EQ(bench.refusal(),
              "R2 type=map_value_or_null expected=fp, pkt, pkt_meta, map_key, map_value, mem, "
              "ringbuf_mem, buf, trusted_ptr_");
    bench.state.set_reg(2, Value::uninitialised());
    EXPECT_EQ(bench.refusal(), "R2 !read_ok");
}

TEST(HelperCall, AMapOfATypeThatDoesNotFitIsRefused) {
    Lookup bench(MapType::ringbuf);
    EXPECT_EQ(bench.refusal(), "cannot pass map_type 27 into func bpf_map_lookup_elem#1");
    Bench tail(Helper::tail_call);
    tail.add_map(MapType::hash, 4, 4);
    tail.state.set_reg(2, Bench::map_pointer());
    tail.state.set_reg(3, Value::constant(0));
    EXPECT_EQ(tail.refusal(), "expected prog array map for tail call");
}

TEST(HelperCall, AKeyMustLieInsideItsMemory) {
    Lookup bench;
    bench.state.set_reg(2, Value::stack_pointer(0, -2));
    EXPECT_EQ(bench.refusal(), "invalid read from stack R2 off=-2 size=4");
}

TEST(HelperCall, ASizeMustBeBoundedOnBothSides) {
    Bench bench(Helper::xdp_load_bytes);
    bench.state.set_reg(2, Value::constant(0));
    bench.state.set_reg(3, Value::stack_pointer(0, -16));
    bench.state.set_reg(4, Value::unknown());
    EXPECT_EQ(bench.refusal(), "R4 min value is negative, either use unsigned or 'var &= const'");
    bench.state.set_reg(4, Value::constant(0));
    EXPECT_EQ(bench.refusal(), "R4 invalid zero-sized read: u64=[0,0]");
    bench.state.set_reg(4, Value::scalar(Scalar::unsigned_range(1, 1ULL << 29)));
    EXPECT_EQ(bench.refusal(),
              "R4 unbounded memory access, use 'var &= const' or 'if (var < const)'");
    bench.state.set_reg(4, Value::scalar(Scalar::unsigned_range(1, 16)));
    EXPECT_EQ(bench.refusal(), "accepted");
    EXPECT_TRUE((bench.check()->precise_regs & (1U << 4)) != 0);
}

TEST(HelperCall, WhatAHelperFillsIsSetAfterwardsAndLosesWhatWasSpilled) {
    Bench bench(Helper::xdp_load_bytes);
    bench.state.stack_for_write(0).spill(-8, 8, Value::pointer(ValueKind::context));
    bench.state.set_reg(2, Value::constant(0));
    bench.state.set_reg(3, Value::stack_pointer(0, -16));
    bench.state.set_reg(4, Value::constant(16));
    bench.step();
    EXPECT_EQ(bench.state.stack(0).byte(-16), SlotByte::misc);
    EXPECT_EQ(bench.state.stack(0).byte(-1), SlotByte::misc);
}

TEST(HelperCall, AFunctionThatMovesThePacketForgetsItsPointers) {
    Bench bench(Helper::xdp_adjust_head);
    bench.state.set_reg(2, Value::constant(4));
    bench.state.set_reg(6, Value::pointer(ValueKind::packet));
    bench.step();
    EXPECT_FALSE(bench.state.reg(6).is_pointer());
}

TEST(HelperCall, PacketPointersPassOnlyWhereTheRowSaysSo) {
    Bench bench(Helper::trace_printk);
    Value packet = Value::pointer(ValueKind::packet);
    packet.range = 64;
    bench.state.set_reg(1, packet);
    bench.state.set_reg(2, Value::constant(4));
    EXPECT_EQ(bench.refusal(), "helper access to the packet is not allowed");
    Lookup key;
    key.state.set_reg(2, packet);
    EXPECT_EQ(key.refusal(), "accepted");
}

TEST(HelperCall, AReservedRecordIsHeldUntilItIsSubmitted) {
    Bench bench(Helper::ringbuf_reserve);
    bench.add_map(MapType::ringbuf, 0, 0, 4096);
    bench.state.set_reg(1, Bench::map_pointer());
    bench.state.set_reg(2, Value::constant(24));
    bench.state.set_reg(3, Value::constant(0));
    Value record = bench.step();
    EXPECT_TRUE(record.is(ValueKind::memory));
    EXPECT_EQ(record.size_bytes(), 24U);
    ASSERT_NE(record.reference_id, 0U);
    EXPECT_TRUE(bench.state.resources.holds(record.reference_id));

    bench.subject.insns[0].imm = static_cast<std::int32_t>(Helper::ringbuf_submit);
    bench.state.set_reg(1, record);
    bench.state.set_reg(2, Value::constant(0));
    EXPECT_EQ(bench.refusal(), "R1 type=ringbuf_mem_or_null expected=ringbuf_mem");
    record.flags &= ~static_cast<std::uint32_t>(kMaybeNull);
    bench.state.set_reg(1, record);
    bench.state.set_reg(7, record);
    bench.step();
    EXPECT_FALSE(bench.state.resources.holds(record.reference_id));
    EXPECT_FALSE(bench.state.reg(7).is_pointer());
}

TEST(HelperCall, OnlyWhatWasTakenCanBeReleased) {
    Bench bench(Helper::sk_release, ProgramType::sched_cls);
    bench.state.set_reg(1, Value::pointer(ValueKind::socket));
    EXPECT_EQ(bench.refusal(), "R1 must be referenced when passed to release function");
}

TEST(HelperCall, TheContextMustBeUntouched) {
    Bench bench(Helper::xdp_adjust_head);
    Value context = Value::pointer(ValueKind::context);
    context.offset = 8;
    bench.state.set_reg(1, context);
    bench.state.set_reg(2, Value::constant(0));
    EXPECT_EQ(bench.refusal(), "dereference of modified ctx ptr R1 off=8 disallowed");
}

TEST(HelperCall, ATailCallMayNotLeaveAReferenceOpen) {
    Bench bench(Helper::tail_call);
    bench.add_map(MapType::prog_array, 4, 4);
    bench.state.set_reg(2, Bench::map_pointer());
    bench.state.set_reg(3, Value::constant(0));
    EXPECT_TRUE(bench.check().ok());
    bench.state.resources.acquire(ResourceKind::reference, 2, InsnIndex{7});
    EXPECT_EQ(bench.refusal(), "tail_call would lead to reference leak");
    EXPECT_EQ(bench.check().finding().kernel_detail, "Unreleased reference id=2 alloc_insn=7");
}

TEST(HelperCall, ACallbackIsAnnouncedWithItsArguments) {
    Bench bench(Helper::loop);
    bench.state.set_reg(1, Value::constant(100));
    bench.state.set_reg(2, Value::pointer(ValueKind::function, 0, 1));
    bench.state.set_reg(3, Value::constant(0));
    bench.state.set_reg(4, Value::constant(0));
    const Ruling<CallPlan> plan = bench.check();
    ASSERT_TRUE(plan.ok());
    ASSERT_TRUE(plan->callback.has_value());
    EXPECT_EQ(plan->callback->subprogram, 1U);
    EXPECT_EQ(plan->callback->max_iterations, 100U);
    EXPECT_EQ(plan->callback->result.max, 1);
}

TEST(HelperCall, AnUnprivilegedProgramHandsNoAddressOn) {
    Bench bench(Helper::map_update_elem, ProgramType::socket_filter);
    bench.environment.capabilities = {.bpf = true, .perfmon = false, .net_admin = false};
    bench.add_map(MapType::hash, 4, 4);
    bench.state.set_reg(1, Bench::map_pointer());
    bench.state.set_reg(2, bench.stack_bytes(-8, 8));
    bench.state.set_reg(3, Value::stack_pointer(0, -8));
    bench.state.set_reg(4, Value::stack_pointer(0, 0));
    EXPECT_EQ(bench.refusal(), "R4 leaks addr into helper function");
}

// A value of 16 bytes with a lock at offset 8.
struct Locking : Bench {
    btf::Btf types;

    explicit Locking(Helper helper) : Bench(helper), types(make_types()) {
        environment.program_types = &types;
        add_map(MapType::hash, 4, 16);
        maps[0].btf_value_type_id = *types.find("locked", btf::Kind::structure);
        environment.maps = maps;
    }
    static btf::Btf make_types() {
        btf::Builder builder;
        const btf::TypeId word = builder.integer("int", 4);
        const btf::TypeId lock =
            builder.composite(btf::Kind::structure, "bpf_spin_lock", 4, {{"val", word, 0}});
        builder.composite(btf::Kind::structure, "locked", 16,
                          {{"count", word, 0}, {"lock", lock, 64}});
        return builder.build().value();
    }
    static Value lock_of(std::uint32_t value_id, std::int32_t offset = 8) {
        Value value = Value::pointer(ValueKind::map_value, 0, 0);
        value.id = value_id;
        value.offset = offset;
        return value;
    }
};

TEST(HelperCall, ALockIsTakenAtItsPlaceAndOnlyOnce) {
    Locking bench(Helper::spin_lock);
    bench.state.set_reg(1, Locking::lock_of(3, 0));
    EXPECT_EQ(bench.refusal(), "off 0 doesn't point to 'struct bpf_spin_lock' that is at 8");
    bench.state.set_reg(1, Locking::lock_of(3));
    bench.step();
    bench.state.set_reg(1, Locking::lock_of(4));
    EXPECT_EQ(bench.refusal(), "Locking two bpf_spin_locks are not allowed");
}

TEST(HelperCall, WhileALockIsHeldNothingElseIsCalled) {
    Locking bench(Helper::ktime_get_ns);
    bench.state.resources.acquire(ResourceKind::spin_lock, 1, InsnIndex{0}, 3);
    EXPECT_EQ(bench.refusal(), "function calls are not allowed while holding a lock");
}

TEST(HelperCall, OnlyTheLockThatIsHeldIsGivenBack) {
    Locking bench(Helper::spin_unlock);
    bench.state.set_reg(1, Locking::lock_of(3));
    EXPECT_EQ(bench.refusal(), "bpf_spin_unlock without taking a lock");
    bench.state.resources.acquire(ResourceKind::spin_lock, 1, InsnIndex{0}, 4);
    EXPECT_EQ(bench.refusal(), "bpf_spin_unlock of different lock");
    bench.state.set_reg(1, Locking::lock_of(4));
    bench.step();
    EXPECT_EQ(bench.state.resources.first(ResourceKind::spin_lock), nullptr);
}

TEST(HelperCall, ALockWithoutTypesIsNowhere) {
    Bench bench(Helper::spin_lock);
    bench.add_map(MapType::hash, 4, 16);
    bench.state.set_reg(1, Locking::lock_of(3));
    EXPECT_EQ(bench.refusal(), "map '' has to have BTF in order to use bpf_spin_lock");
}

} // namespace
} // namespace skep::verify
