// SPDX-License-Identifier: Apache-2.0
//
// When one state covers another: every pair of small values, and the sentences of equivalence.hpp.
#include "skep/verify/explore/prune/equivalence.hpp"

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

constexpr Likeness kAll[] = {Likeness::finished, Likeness::by_range, Likeness::exactly};

Value number(std::uint64_t min, std::uint64_t max, Dependencies::Origin origin = 0) {
    Value value = Value::scalar(Scalar::unsigned_range(min, max));
    value.number.synchronise();
    value.origin = origin;
    return value;
}
Value with_id(Value value, std::uint32_t id) {
    value.id = id;
    return value;
}
Value packet(std::int32_t range) {
    Value value = Value::pointer(ValueKind::packet);
    value.range = range;
    return value;
}

// Two states: at instructions 0 and 2 everything is live, at 1 nothing.
class Pair {
  public:
    Pair() {
        liveness_.regs = {static_cast<RegSet>(0x3ff), kNoRegs, static_cast<RegSet>(0x3ff)};
        liveness_.slots = {kAllSlots, kNoSlots, kAllSlots};
        needed_ = dependencies_.place(0);
        dependencies_.need(needed_);
        unneeded_ = dependencies_.place(0);
    }
    State old = State::entering(0);
    State now = State::entering(0);
    Capabilities capabilities;
    bool masks_numbers = false;

    [[nodiscard]] bool covers(Likeness likeness, std::uint32_t at = 0) {
        Equivalence equivalence(liveness_, dependencies_, capabilities);
        if (masks_numbers) {
            equivalence.demand_equal_numbers();
        }
        equivalence.stand_at(InsnIndex{at});
        return equivalence.covers(old, now, likeness);
    }
    [[nodiscard]] bool covers_in_r1(const Value& a, const Value& b, Likeness likeness) {
        old.set_reg(1, a);
        now.set_reg(1, b);
        return covers(likeness);
    }
    [[nodiscard]] Dependencies::Origin needed() const { return needed_; }
    [[nodiscard]] Dependencies::Origin unneeded() const { return unneeded_; }

  private:
    Liveness liveness_;
    Dependencies dependencies_;
    Dependencies::Origin needed_ = 0;
    Dependencies::Origin unneeded_ = 0;
};

std::vector<Value> small_values(const Pair& pair) {
    std::vector<Value> values{Value::uninitialised(), Value::unknown()};
    for (std::uint64_t min = 0; min < 4; ++min) {
        for (std::uint64_t max = min; max < 4; ++max) {
            values.push_back(number(min, max, pair.needed()));
        }
    }
    for (const ValueKind kind : {ValueKind::context, ValueKind::map_value, ValueKind::stack,
                                 ValueKind::socket, ValueKind::memory}) {
        values.push_back(Value::pointer(kind));
        values.push_back(with_id(Value::pointer(kind, kMaybeNull), 5));
        Value moved = Value::pointer(kind);
        moved.offset = 8;
        values.push_back(moved);
    }
    for (const std::int32_t range : {kBeyondPacketEnd, kAtPacketEnd, 0, 8, 16}) {
        values.push_back(packet(range));
    }
    return values;
}

TEST(Equivalence, EveryStateCoversItself) {
    Pair pair;
    for (const Value& value : small_values(pair)) {
        for (const Likeness likeness : kAll) {
            EXPECT_TRUE(pair.covers_in_r1(value, value, likeness));
        }
    }
}

// What can be in the register now could have been in it then.
bool allows(const Value& old, const Value& now) {
    if (!old.is_initialised()) {
        return true; // nothing was read from it
    }
    if (old.kind != now.kind || old.flags != now.flags || old.offset != now.offset) {
        return false;
    }
    if (old.is_scalar()) {
        for (std::uint64_t x = 0; x < 8; ++x) {
            if (now.number.contains(x) && !old.number.contains(x)) {
                return false;
            }
        }
    }
    return old.range >= 0 ? now.range >= old.range : now.range == old.range;
}

TEST(Equivalence, WhatIsCoveredWasAllowed) {
    Pair pair;
    unsigned covered = 0;
    for (Value old : small_values(pair)) {
        old.origin = old.is_scalar() ? pair.needed() : 0;
        for (const Value& now : small_values(pair)) {
            for (const Likeness likeness : kAll) {
                if (!pair.covers_in_r1(old, now, likeness)) {
                    continue;
                }
                ++covered;
                EXPECT_TRUE(allows(old, now));
                if (likeness == Likeness::exactly) {
                    EXPECT_EQ(old.number, now.number);
                    EXPECT_EQ(old.range, now.range);
                    EXPECT_EQ(old.kind, now.kind);
                }
            }
        }
    }
    EXPECT_GT(covered, 100U);
}

TEST(Equivalence, WhatIsNotLiveDoesNotMatter) {
    Pair pair;
    pair.old.set_reg(1, Value::pointer(ValueKind::context));
    pair.old.stack_for_write(0).spill(-8, 8, Value::pointer(ValueKind::context));
    EXPECT_FALSE(pair.covers(Likeness::finished, 0));
    EXPECT_TRUE(pair.covers(Likeness::finished, 1));
}

TEST(Equivalence, WhatIsDeadInheritsNoNeed) {
    const ProgramSpec program;
    const Environment environment;
    const Subject subject{program, environment, {}, {}};
    Workspace workspace{subject, {}, {}};
    Liveness liveness;
    liveness.regs = {only(1)};
    liveness.slots = {kNoSlots};
    const Dependencies::Origin needed = workspace.dependencies.place(0);
    workspace.dependencies.need(needed);
    const Dependencies::Origin in_r1 = workspace.dependencies.place(0);
    const Dependencies::Origin in_r2 = workspace.dependencies.place(0);
    State old = State::entering(0);
    State now = State::entering(0);
    for (const Reg reg : {Reg{1}, Reg{2}}) {
        old.set_reg(reg, number(0, 3, needed));
        now.set_reg(reg, number(1, 2, reg == 1 ? in_r1 : in_r2));
    }
    Equivalence equivalence(liveness, workspace.dependencies);
    equivalence.stand_at(InsnIndex{0});
    ASSERT_TRUE(equivalence.covers(old, now, Likeness::finished));
    equivalence.inherit_needs(workspace, old, now, Equivalence::Needs::known);
    EXPECT_TRUE(workspace.dependencies.is_needed(in_r1));
    EXPECT_FALSE(workspace.dependencies.is_needed(in_r2)) << "nobody reads it from here on";
}

TEST(Equivalence, WhatAnUnfinishedStateComesToNeedIsNeededOfThoseThatStoppedForIt) {
    for (const auto needs : {Equivalence::Needs::known, Equivalence::Needs::growing}) {
        const ProgramSpec program;
        const Environment environment;
        const Subject subject{program, environment, {}, {}};
        Workspace workspace{subject, {}, {}};
        Liveness liveness;
        liveness.regs = {only(1)};
        liveness.slots = {kNoSlots};
        const Dependencies::Origin before = workspace.dependencies.place(0);
        const Dependencies::Origin after = workspace.dependencies.place(0);
        State old = State::entering(0);
        State now = State::entering(0);
        old.set_reg(1, number(0, 3, before));
        now.set_reg(1, number(1, 2, after));
        Equivalence equivalence(liveness, workspace.dependencies);
        equivalence.stand_at(InsnIndex{0});
        ASSERT_TRUE(equivalence.covers(old, now, Likeness::finished));
        equivalence.inherit_needs(workspace, old, now, needs);
        workspace.dependencies.need(before);
        EXPECT_EQ(workspace.dependencies.is_needed(after), needs == Equivalence::Needs::growing);
    }
}

// Parts of the stack that both share are not looked into; what differs is asked first the next
// time, and must not decide where it is not read.
TEST(Equivalence, StacksThatShareAPartDifferWhereTheyWereWritten) {
    Pair pair;
    pair.old.stack_for_write(0).spill(-8, 8, number(7, 7, pair.needed()));
    pair.old.stack_for_write(0).spill(-128, 8, number(1, 1, pair.needed()));
    pair.now = pair.old;
    EXPECT_TRUE(pair.covers(Likeness::finished));
    pair.now.stack_for_write(0).spill(-128, 8, number(2, 2, pair.needed()));
    EXPECT_FALSE(pair.covers(Likeness::finished));
    EXPECT_TRUE(pair.covers(Likeness::finished, 1));
    pair.now.stack_for_write(0).spill(-128, 8, number(1, 1, pair.needed()));
    EXPECT_TRUE(pair.covers(Likeness::finished));
    EXPECT_EQ(pair.old.stack(0).slot(0).value.number.value(), 7U);
}

TEST(Equivalence, ANameInASharedPartOfTheStackStandsForItselfAlone) {
    for (const std::uint32_t other : {5U, 6U}) {
        Pair pair;
        const Value named = with_id(number(0, 3, pair.needed()), 5);
        pair.old.stack_for_write(0).spill(-8, 8, named);
        pair.now = pair.old;
        pair.old.set_reg(1, named);
        pair.now.set_reg(1, with_id(named, other));
        EXPECT_EQ(pair.covers(Likeness::finished), other == 5);
    }
}

TEST(Equivalence, AStateThatDiffersInOneThingIsToldFromOneThatDiffersInNone) {
    Pair pair;
    Liveness liveness;
    liveness.regs = {static_cast<RegSet>(0x3ff)};
    liveness.slots = {kAllSlots};
    Dependencies dependencies;
    const Dependencies::Origin origin = dependencies.place(0);
    dependencies.need(origin);
    Equivalence equivalence(liveness, dependencies);
    for (const std::uint64_t second : {5U, 6U, 5U, 7U}) {
        pair.old.set_reg(1, number(5, 5, origin));
        pair.now.set_reg(1, number(second, second, origin));
        equivalence.stand_at(InsnIndex{0});
        EXPECT_EQ(equivalence.covers(pair.old, pair.now, Likeness::finished), second == 5);
    }
}

TEST(Equivalence, ANumberThatNoCheckReliedOnCountsAsAnyButOnlyOnceThePathIsProved) {
    Pair pair;
    const Value old = number(1, 1, pair.unneeded());
    const Value now = number(2, 2, pair.unneeded());
    EXPECT_TRUE(pair.covers_in_r1(old, now, Likeness::finished));
    EXPECT_FALSE(pair.covers_in_r1(old, now, Likeness::by_range));
    EXPECT_FALSE(pair.covers_in_r1(old, now, Likeness::exactly));
    EXPECT_FALSE(pair.covers_in_r1(number(1, 1, pair.needed()), now, Likeness::finished));
    // A pointer is never as good as any number.
    EXPECT_FALSE(pair.covers_in_r1(old, Value::pointer(ValueKind::context), Likeness::finished));
}

TEST(Equivalence, WhatMovedTogetherStillDoes) {
    for (const bool apart : {false, true}) {
        Pair pair;
        const Value old = with_id(number(0, 3, pair.needed()), 7);
        pair.old.set_reg(1, old);
        pair.old.set_reg(2, old);
        pair.now.set_reg(1, with_id(number(0, 3), 8));
        pair.now.set_reg(2, with_id(number(0, 3), apart ? 9 : 8));
        EXPECT_EQ(pair.covers(Likeness::finished), !apart);
    }
}

TEST(Equivalence, IdsStandForOneAnotherOneToOne) {
    IdPairs pairs;
    EXPECT_TRUE(pairs.match(0, 0));
    EXPECT_FALSE(pairs.match(1, 0));
    EXPECT_FALSE(pairs.match(0, 1));
    EXPECT_TRUE(pairs.match(1, 5));
    EXPECT_TRUE(pairs.match(1, 5));
    EXPECT_FALSE(pairs.match(1, 6));
    EXPECT_FALSE(pairs.match(2, 5));
    pairs.clear();
    EXPECT_TRUE(pairs.match(2, 5));
    EXPECT_TRUE(pairs.match_numbers(0, 6)) << "a number of its own may be linked to one now";
    EXPECT_TRUE(pairs.match_numbers(3, 0)) << "and one that was linked, once, may be alone";
    EXPECT_FALSE(pairs.match_numbers(3, 0)) << "but not two of them";
}

TEST(Equivalence, APacketProvedFurtherCoversOnlyWhatIsProvedAsFar) {
    Pair pair;
    EXPECT_TRUE(pair.covers_in_r1(packet(8), packet(16), Likeness::finished));
    EXPECT_FALSE(pair.covers_in_r1(packet(16), packet(8), Likeness::finished));
    EXPECT_FALSE(pair.covers_in_r1(packet(8), packet(16), Likeness::exactly));
    EXPECT_FALSE(pair.covers_in_r1(packet(kAtPacketEnd), packet(8), Likeness::finished));
}

TEST(Equivalence, WhatIsHeldIsTheSame) {
    for (const Likeness likeness : kAll) {
        Pair pair;
        pair.old.resources.acquire(ResourceKind::reference, 3, InsnIndex{0});
        EXPECT_FALSE(pair.covers(likeness));
        pair.now.resources.acquire(ResourceKind::reference, 4, InsnIndex{0});
        EXPECT_TRUE(pair.covers(likeness));
        pair.now.resources.rcu_depth = 1;
        EXPECT_FALSE(pair.covers(likeness));
    }
    Pair locks;
    locks.old.resources.acquire(ResourceKind::spin_lock, 3, InsnIndex{0}, kDirectLock | 1);
    locks.now.resources.acquire(ResourceKind::spin_lock, 4, InsnIndex{0}, kDirectLock | 2);
    EXPECT_FALSE(locks.covers(Likeness::finished)) << "another map's lock";
}

TEST(Equivalence, TheStackIsComparedByteByByte) {
    Pair pair;
    pair.old.stack_for_write(0).set_bytes(-8, 8, SlotByte::zero);
    EXPECT_FALSE(pair.covers(Likeness::finished)) << "zeros are not any bytes";
    pair.now.stack_for_write(0).set_bytes(-8, 8, SlotByte::zero);
    EXPECT_TRUE(pair.covers(Likeness::exactly));
    pair.now.stack_for_write(0).set_bytes(-5, 1, SlotByte::misc);
    EXPECT_FALSE(pair.covers(Likeness::finished));
    pair.old.stack_for_write(0).set_bytes(-8, 8, SlotByte::misc);
    EXPECT_TRUE(pair.covers(Likeness::finished));
    EXPECT_FALSE(pair.covers(Likeness::exactly));
    pair.now.stack_for_write(0).set_bytes(-8, 8, SlotByte::iterator);
    EXPECT_FALSE(pair.covers(Likeness::finished)) << "an object is not any bytes";
}

// What the old path read as a number must not be an address now, nor a byte that nobody set.
TEST(Equivalence, ForThoseWhoMaySeeNoAddressesBytesOfTheStackAreOfTheirKind) {
    constexpr SlotByte kOrdinary[] = {SlotByte::invalid, SlotByte::misc, SlotByte::zero};
    for (const SlotByte old : kOrdinary) {
        for (const SlotByte now : kOrdinary) {
            Pair pair;
            pair.capabilities = Capabilities::none();
            pair.old.stack_for_write(0).set_bytes(-8, 8, old);
            pair.now.stack_for_write(0).set_bytes(-8, 8, now);
            const bool unread = old == SlotByte::invalid;
            const bool any_number = old == SlotByte::misc && now == SlotByte::zero;
            EXPECT_EQ(pair.covers(Likeness::finished), old == now || unread || any_number);
        }
        Pair pair;
        pair.capabilities = Capabilities::none();
        pair.old.stack_for_write(0).set_bytes(-8, 8, old);
        pair.now.stack_for_write(0).spill(-8, 8, Value::pointer(ValueKind::context));
        EXPECT_EQ(pair.covers(Likeness::finished), old == SlotByte::invalid);
        pair.now.stack_for_write(0).spill(-8, 8, Value::unknown());
        EXPECT_EQ(pair.covers(Likeness::finished), old != SlotByte::zero);
    }
    Pair number_then;
    number_then.capabilities = Capabilities::none();
    number_then.old.stack_for_write(0).spill(-8, 8, number(0, 3, number_then.unneeded()));
    EXPECT_FALSE(number_then.covers(Likeness::finished)) << "unset bytes are no number";
    number_then.now.stack_for_write(0).set_bytes(-8, 8, SlotByte::misc);
    EXPECT_TRUE(number_then.covers(Likeness::finished));
}

TEST(Equivalence, WhereNumbersAreMaskedTheSameMustBeKnownOfThem) {
    Pair pair;
    pair.masks_numbers = true;
    EXPECT_FALSE(pair.covers_in_r1(number(0, 3, pair.needed()), number(1, 2), Likeness::finished));
    EXPECT_FALSE(
        pair.covers_in_r1(number(0, 3, pair.unneeded()), number(1, 2), Likeness::finished));
    EXPECT_TRUE(pair.covers_in_r1(number(0, 3, pair.needed()), number(0, 3), Likeness::finished));
}

TEST(Equivalence, AGuessCoversNoWayOfTheProgram) {
    Pair pair;
    pair.old.speculative = true;
    EXPECT_FALSE(pair.covers(Likeness::finished));
    pair.now.speculative = true;
    EXPECT_TRUE(pair.covers(Likeness::finished));
    pair.old.speculative = false;
    EXPECT_TRUE(pair.covers(Likeness::finished)) << "what is safe is safe to guess";
}

TEST(Equivalence, ASpilledValueIsComparedAsOne) {
    Pair pair;
    pair.old.stack_for_write(0).spill(-8, 8, number(0, 3, pair.needed()));
    pair.now.stack_for_write(0).spill(-8, 8, number(1, 2));
    EXPECT_TRUE(pair.covers(Likeness::finished));
    EXPECT_FALSE(pair.covers(Likeness::exactly));
    pair.now.stack_for_write(0).spill(-8, 8, number(1, 4));
    EXPECT_FALSE(pair.covers(Likeness::finished));
    pair.now.stack_for_write(0).spill(-8, 4, number(1, 2));
    EXPECT_FALSE(pair.covers(Likeness::finished)) << "of another width";
    pair.now.stack_for_write(0).spill(-8, 8, Value::pointer(ValueKind::context));
    EXPECT_FALSE(pair.covers(Likeness::finished));
}

TEST(Equivalence, IterationsThatAreCountedMakeProgress) {
    Pair pair;
    pair.old.may_goto_rounds = 1;
    pair.now.may_goto_rounds = 2;
    EXPECT_FALSE(pair.covers(Likeness::exactly));
    EXPECT_TRUE(pair.covers(Likeness::by_range));
    Pair frames;
    frames.old.current_for_write().callback_depth = 2;
    frames.now.current_for_write().callback_depth = 1;
    EXPECT_FALSE(frames.covers(Likeness::finished)) << "the old one had fewer rounds left";
}

TEST(Equivalence, FramesArePairedFromTheOutermost) {
    Pair pair;
    pair.now.push_frame(1, InsnIndex{1});
    EXPECT_FALSE(pair.covers(Likeness::finished));
    pair.old.push_frame(1, InsnIndex{1});
    EXPECT_TRUE(pair.covers(Likeness::finished));
    pair.old.frame_for_write(0).regs[6] = Value::pointer(ValueKind::context);
    EXPECT_FALSE(pair.covers(Likeness::finished)) << "a caller's register waits for the return";
}

} // namespace
} // namespace skep::verify
