// SPDX-License-Identifier: Apache-2.0
//
// LocalCaller: a caller that lives in this process, with real addresses and descriptors.
#pragma once

#include "skep/syscall/caller.hpp"
#include "skep/syscall/pins/pin_directory.hpp"

namespace skep::syscall {

class LocalCaller final : public Caller {
  public:
    explicit LocalCaller(const PinDirectory& pins) : pins_(pins) {}

    [[nodiscard]] std::uint32_t uid() const override;
    Result<void> read(std::uint64_t address, MutableBytes target) override;
    Result<void> write(std::uint64_t address, Bytes source) override;
    Result<std::string> read_text(std::uint64_t address, std::size_t limit) override;
    Result<int> descriptor(std::int64_t number) override;
    Result<long> give(os::Fd descriptor) override;
    Result<os::Fd> create_pin(const std::string& path) override;
    Result<os::Fd> open_pin(const std::string& path) override;
    void discard_pin(const std::string& path) override;

  private:
    const PinDirectory& pins_;
};

} // namespace skep::syscall
