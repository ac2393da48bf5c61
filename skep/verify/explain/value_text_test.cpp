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
}

TEST_F(ValueText, BitsAreAValueAndAMask) {
    EXPECT_EQ(bits_text(Tnum64::constant(3)), "(0x3; 0x0)");
    EXPECT_EQ(bits_text(Scalar::of_bits(8).bits), "(0x0; 0xff)");
}

} // namespace
} // namespace skep::verify
