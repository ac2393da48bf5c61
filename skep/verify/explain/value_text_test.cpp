// SPDX-License-Identifier: Apache-2.0
//
// Values in the words of the kernel's log.
#include "skep/verify/explain/value_text.hpp"

#include <gtest/gtest.h>

namespace skep::verify {
namespace {

class ValueText : public testing::Test {
  protected:
    [[nodiscard]] std::string text(const Value& value, bool precise = false) const {
        return value_text(subject_, State::entering(0), value, precise);
    }
    ProgramSpec program_;
    Environment environment_;
    Subject subject_{program_, environment_, {}, {}};
};

TEST_F(ValueText, AConstantIsItsNumber) {
    EXPECT_EQ(text(Value::constant(7)), "7");
    EXPECT_EQ(text(Value::constant(~0ULL)), "-1");
    EXPECT_EQ(text(Value::constant(7), true), "P7");
}

TEST_F(ValueText, ANumberTellsOnlyWhatIsKnown) {
    EXPECT_EQ(text(Value::unknown()), "scalar()");
    Value byte = Value::scalar(Scalar::of_bits(8));
    byte.number.synchronise();
    EXPECT_EQ(text(byte), "scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))");
    byte.id = 3;
    EXPECT_NE(text(byte).find("id=3"), std::string::npos);
}

// The low half is known and the upper is not: an end that is both a lower and an upper one is told
// with each, and in the way of the first of its names.
TEST_F(ValueText, LowerEndsAreMergedWithLowerOnes) {
    Value low = Value::unknown();
    low.number.bits = Tnum64{0x86dd, 0xffff'ffff'0000'0000};
    low.number.synchronise();
    EXPECT_EQ(text(low),
              "scalar(smin=0x80000000000086dd,smax=0x7fffffff000086dd,umin=smin32=umin32=34525,"
              "umax=0xffffffff000086dd,smax32=umax32=0x86dd,var_off=(0x86dd; "
              "0xffffffff00000000))"); // as Linux 6.18 writes it
}

TEST_F(ValueText, APlaceInAnotherFramesStackNamesTheFrame) {
    Value other = Value::stack_pointer(1, -32);
    EXPECT_EQ(text(other), "fp[1]-32");
    other.number = Scalar::of_bits(3);
    other.number.synchronise();
    EXPECT_EQ(text(other),
              "fp[1](off=-32,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))");
}

TEST_F(ValueText, APointerSaysItsKindAndItsFlags) {
    EXPECT_EQ(kind_text(Value::pointer(ValueKind::context)), "ctx");
    EXPECT_EQ(kind_text(Value::pointer(ValueKind::map_value, kMaybeNull)), "map_value_or_null");
    EXPECT_EQ(kind_text(Value::pointer(ValueKind::memory, kReadOnly | kMaybeNull)),
              "rdonly_mem_or_null");
    EXPECT_EQ(kind_text(Value::stack_pointer(0)), "fp");
    EXPECT_EQ(text(Value::stack_pointer(0, -8)), "fp-8");
    EXPECT_EQ(text(Value::pointer(ValueKind::context)), "ctx()");
}

TEST_F(ValueText, APacketSaysHowFarItWasProved) {
    Value packet = Value::pointer(ValueKind::packet);
    packet.offset = 2;
    packet.range = 14;
    EXPECT_EQ(text(packet), "pkt(off=2,r=14)");
    packet.range = -2; // just beyond the end
    EXPECT_EQ(text(packet), "pkt(off=2,r=0xfffffffffffffffe)");
    packet.range = 40'000;
    EXPECT_EQ(text(packet), "pkt(off=2,r=40000)");
}

TEST_F(ValueText, BitsAreAValueAndAMask) {
    EXPECT_EQ(bits_text(Tnum64::constant(3)), "3");
    EXPECT_EQ(bits_text(Tnum64::constant(0x10001)), "0x10001");
    EXPECT_EQ(bits_text(Scalar::of_bits(8).bits), "(0x0; 0xff)");
}

} // namespace
} // namespace skep::verify
