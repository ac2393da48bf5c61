// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/log_buffer.hpp"

#include <gtest/gtest.h>

namespace skep::syscall {
namespace {

// A caller that has a log buffer and nothing else.
class Reader final : public Caller {
  public:
    [[nodiscard]] std::uint32_t uid() const override { return 0; }
    Result<void> read(std::uint64_t, MutableBytes) override { return refuse(); }
    Result<void> write(std::uint64_t, Bytes source) override {
        text.assign(source.begin(), source.end());
        return {};
    }
    Result<std::string> read_text(std::uint64_t, std::size_t) override { return refuse(); }
    Result<int> descriptor(std::int64_t) override { return refuse(); }
    Result<long> give(os::Fd) override { return refuse(); }
    Result<os::Fd> create_pin(const std::string&) override { return refuse(); }
    Result<os::Fd> open_pin(const std::string&) override { return refuse(); }
    void discard_pin(const std::string&) override {}

    std::string text = "untouched";

  private:
    static Error refuse() { return fail(Code::bad_address, "not here"); }
};

constexpr std::uint64_t kSomewhere = 4096;
constexpr std::uint32_t kFixedBuffer = 8;
const std::string kTenWithZero("123456789\0", 10);

TEST(LogBuffer, ATextThatFitsIsWrittenWithItsZero) {
    Reader reader;
    const auto written = LogBuffer{1, 10, kSomewhere}.write(reader, "123456789").value();
    EXPECT_EQ(reader.text, kTenWithZero);
    EXPECT_EQ(written.true_size, 10U);
    EXPECT_FALSE(written.was_cut);
}

TEST(LogBuffer, ALongOneKeepsItsEnd) {
    Reader reader;
    const auto written = LogBuffer{2, 4, kSomewhere}.write(reader, "123456789").value();
    EXPECT_EQ(reader.text, std::string("789\0", 4));
    EXPECT_EQ(written.true_size, 10U);
    EXPECT_TRUE(written.was_cut);
}

TEST(LogBuffer, AFixedOneKeepsItsBeginning) {
    Reader reader;
    const auto log = LogBuffer{1 | kFixedBuffer, 4, kSomewhere};
    EXPECT_TRUE(log.write(reader, "123456789").value().was_cut);
    EXPECT_EQ(reader.text, std::string("123\0", 4));
}

TEST(LogBuffer, RoomForTheZeroAloneHoldsNoText) {
    for (const std::uint32_t level : {1U, 1U | kFixedBuffer}) {
        Reader reader;
        EXPECT_TRUE((LogBuffer{level, 1, kSomewhere}.write(reader, "12").value().was_cut));
        EXPECT_EQ(reader.text, std::string(1, '\0'));
    }
}

TEST(LogBuffer, WithoutABufferOnlyTheSizeIsTold) {
    Reader reader;
    EXPECT_EQ((LogBuffer{1, 0, 0}.write(reader, "123").value().true_size), 4U);
    EXPECT_EQ((LogBuffer{}.write(reader, "123").value().true_size), 0U);
    EXPECT_EQ(reader.text, "untouched");
}

TEST(LogBuffer, LevelSizeAndAddressBelongTogether) {
    EXPECT_TRUE((LogBuffer{}.check().ok()));
    EXPECT_TRUE((LogBuffer{1, 0, 0}.check().ok()));
    EXPECT_TRUE((LogBuffer{15, 128, kSomewhere}.check().ok()));
    EXPECT_FALSE((LogBuffer{16, 128, kSomewhere}.check().ok()));
    EXPECT_FALSE((LogBuffer{0, 128, kSomewhere}.check().ok()));
    EXPECT_FALSE((LogBuffer{1, 128, 0}.check().ok()));
    EXPECT_FALSE((LogBuffer{1, 0, kSomewhere}.check().ok()));
    EXPECT_FALSE((LogBuffer{1, 0x40000000, kSomewhere}.check().ok()));
}

} // namespace
} // namespace skep::syscall
