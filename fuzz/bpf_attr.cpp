// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: attributes of bpf(2). The input is a command number and its attributes; what
// attributes point at is the rest of the input, wherever they point. Nothing may crash, hang or
// grow without bound.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "skep/syscall/dispatcher.hpp"
#include "skep/syscall/hosts/local_host.hpp"

namespace {

using namespace skep; // NOLINT: a program of its own

constexpr std::uint64_t kAttributesAt = 0x10000;
constexpr std::uint64_t kRoom = 16U << 20; // where the caller lets write

// A caller whose memory is the input: the attributes at one address, the rest everywhere else.
class InputCaller final : public syscall::Caller {
  public:
    InputCaller(Bytes attributes, Bytes rest, registry::Registry& objects)
        : attributes_(attributes), rest_(rest), objects_(objects) {}

    [[nodiscard]] std::uint32_t uid() const override { return 0; }
    Result<void> read(std::uint64_t address, MutableBytes target) override {
        const bool is_attributes = address == kAttributesAt && target.size() <= attributes_.size();
        const Bytes from = is_attributes ? attributes_ : rest_;
        if (target.size() > from.size()) {
            return fail(Code::bad_address, "not that much");
        }
        std::copy_n(from.begin(), target.size(), target.begin());
        return {};
    }
    Result<void> write(std::uint64_t, Bytes) override { return {}; }
    [[nodiscard]] Result<void> check_writable(std::uint64_t, std::uint64_t size) const override {
        return size <= kRoom ? Result<void>() : fail(Code::bad_address, "not that much");
    }
    Result<std::string> read_text(std::uint64_t, std::size_t limit) override {
        const auto end = std::find(rest_.begin(), rest_.end(), std::uint8_t{0});
        const auto size =
            std::min<std::size_t>(static_cast<std::size_t>(end - rest_.begin()), limit);
        return std::string(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    // Small numbers are the objects that there are.
    Result<int> descriptor(std::int64_t number) override {
        for (const auto kind : {registry::ObjectKind::map, registry::ObjectKind::program,
                                registry::ObjectKind::btf}) {
            for (const auto& object : objects_.all(kind)) {
                if (number-- == 0) {
                    return object->file().number();
                }
            }
        }
        return fail(Code::bad_handle, "not open");
    }
    Result<long> give(os::Fd descriptor) override {
        given_ = std::move(descriptor);
        return 0L;
    }
    Result<os::Fd> create_pin(const std::string&) override {
        return fail(Code::not_permitted, "no pins here");
    }
    Result<os::Fd> open_pin(const std::string&) override {
        return fail(Code::not_found, "no pins here");
    }
    void discard_pin(const std::string&) override {}

  private:
    Bytes attributes_;
    Bytes rest_;
    registry::Registry& objects_;
    os::Fd given_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes input(data, size);
    auto host = syscall::LocalHost::create(2).value_or(nullptr);
    auto objects = registry::Registry::create({}).value_or(nullptr);
    if (host == nullptr || objects == nullptr) {
        return 0;
    }
    syscall::Dispatcher dispatcher(syscall::Engine{*objects, *host, 2, "/nowhere", {}});
    std::size_t at = 0;
    constexpr int kMostCalls = 16;
    for (int i = 0; i < kMostCalls && size - at >= 4; ++i) {
        const auto command = static_cast<std::uint32_t>(input[at] % 48);
        const std::size_t length = std::min<std::size_t>(input[at + 1], size - at - 2);
        const Bytes attributes = input.subspan(at + 2, length);
        at += 2 + length;
        auto caller = std::make_shared<InputCaller>(attributes, input.subspan(at), *objects);
        // Test runs may be asked to repeat for hours; they have a target of their own.
        if (command != static_cast<std::uint32_t>(spec::Command::prog_test_run)) {
            dispatcher.call(caller, command, kAttributesAt, static_cast<std::uint32_t>(length),
                            [](long, const std::string&) {});
        }
    }
    return 0;
}
