// SPDX-License-Identifier: Apache-2.0
//
// What a call reads from its caller is not believed before it is there.
#include "skep/syscall/call.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "skep/syscall/hosts/local_host.hpp"

namespace skep::syscall {
namespace {

constexpr std::uint64_t kStart = 4096;
constexpr std::uint64_t kTerabytes = std::uint64_t{1} << 44;

// A caller that has some bytes, each with the low byte of its address in it.
class Owner final : public Caller {
  public:
    explicit Owner(std::uint64_t size) : size_(size) {}
    [[nodiscard]] std::uint32_t uid() const override { return 0; }
    Result<void> read(std::uint64_t address, MutableBytes target) override {
        TRY(check_writable(address, target.size()));
        for (std::uint8_t& byte : target) {
            byte = static_cast<std::uint8_t>(address++);
        }
        return {};
    }
    Result<void> write(std::uint64_t, Bytes) override { return refuse(); }
    [[nodiscard]] Result<void> check_writable(std::uint64_t address,
                                              std::uint64_t size) const override {
        return size <= size_ && address - kStart <= size_ - size ? Result<void>() : refuse();
    }
    Result<std::string> read_text(std::uint64_t, std::size_t) override { return refuse(); }
    Result<int> descriptor(std::int64_t) override { return refuse(); }
    Result<long> give(os::Fd) override { return refuse(); }
    Result<os::Fd> create_pin(const std::string&) override { return refuse(); }
    Result<os::Fd> open_pin(const std::string&) override { return refuse(); }
    void discard_pin(const std::string&) override {}

  private:
    static Error refuse() { return fail(Code::bad_address, "not here"); }
    std::uint64_t size_;
};

class CallTest : public testing::Test {
  protected:
    [[nodiscard]] Call call_of(std::uint64_t has) {
        return {engine_, std::make_shared<Owner>(has), 0, 0, 0, {}, nullptr};
    }
    std::unique_ptr<LocalHost> host_ = std::move(LocalHost::create(1).value());
    std::unique_ptr<registry::Registry> objects_ =
        std::move(registry::Registry::create({}).value());
    Engine engine_{*objects_, *host_, 1, "/nowhere", {}};
};

TEST_F(CallTest, ReadsInPiecesWhatIsLong) {
    const std::uint64_t size = 3 * kUnaskedBytes + 5;
    const ByteVector bytes = call_of(size).read_bytes(kStart, size).value();
    ASSERT_EQ(bytes.size(), size);
    EXPECT_EQ(bytes[3 * kUnaskedBytes + 4], static_cast<std::uint8_t>(kStart + size - 1));
    EXPECT_TRUE(call_of(0).read_bytes(0, 0).value().empty());
}

TEST_F(CallTest, TakesNoMemoryForBytesThatAreNotThere) {
    EXPECT_EQ(call_of(16).read_bytes(kStart, kTerabytes).error().code, Code::bad_address);
    EXPECT_EQ(call_of(16).room_for(kStart, kTerabytes).error().code, Code::bad_address);
}

TEST_F(CallTest, GivesRoomForWhatFits) {
    const std::uint64_t size = 2 * kUnaskedBytes;
    EXPECT_EQ(call_of(size).room_for(kStart, size).value(), ByteVector(size));
    EXPECT_EQ(call_of(0).room_for(kStart, 8).value(), ByteVector(8));
}

} // namespace
} // namespace skep::syscall
