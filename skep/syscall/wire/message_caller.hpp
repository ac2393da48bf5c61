// SPDX-License-Identifier: Apache-2.0
//
// MessageCaller: a caller who is elsewhere, as far as its message brought it along. Memory is the
// segments, descriptors are the passed files; what is written goes back with the answer.
#pragma once

#include "skep/syscall/caller.hpp"
#include "skep/syscall/wire/message.hpp"

namespace skep::syscall {

class MessageCaller final : public Caller {
  public:
    MessageCaller(ReceivedRequest received, std::uint32_t uid)
        : received_(std::move(received)), uid_(uid) {}

    [[nodiscard]] std::uint32_t uid() const override { return uid_; }
    [[nodiscard]] bool is_gone() const override { return gone_; }
    Result<void> read(std::uint64_t address, MutableBytes target) override;
    Result<void> write(std::uint64_t address, Bytes source) override;
    [[nodiscard]] Result<void> check_writable(std::uint64_t address,
                                              std::uint64_t size) const override;
    Result<std::string> read_text(std::uint64_t address, std::size_t limit) override;
    Result<int> descriptor(std::int64_t number) override;
    Result<long> give(os::Fd descriptor) override;
    Result<os::Fd> create_pin(const std::string& path) override;
    Result<os::Fd> open_pin(const std::string& path) override;
    void discard_pin(const std::string&) override {} // the client made it, and takes it away

    [[nodiscard]] const Request& request() const { return received_.request; }
    void set_gone() { gone_ = true; }
    // What goes back: the result, what was written, and the descriptor that was given.
    Result<void> send_answer_to(const os::Fd& socket, long result, const std::string& message);

  private:
    Result<os::Fd> take_pin(const std::string& path);

    ReceivedRequest received_;
    std::uint32_t uid_;
    bool gone_ = false;
    Answer answer_;
    os::Fd given_;
    std::uint64_t written_bytes_ = 0;
};

} // namespace skep::syscall
