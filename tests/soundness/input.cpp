// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/input.hpp"

#include <cstring>

namespace skep::tests::soundness {

bool can_be_given_input(spec::ProgramType type) {
    const spec::ContextId context = spec::find(type)->context;
    return context == spec::ContextId::xdp ||
           (context == spec::ContextId::skb && type != spec::ProgramType::flow_dissector);
}

void Input::fill(std::mt19937_64& random) {
    for (std::size_t at = 0; at < frame_.size(); at += 8) {
        const std::uint64_t bits = random() & (random() % 3 == 0 ? ~0ULL : 0x0f0f0f0fULL);
        std::memcpy(frame_.data() + at, &bits, 8);
    }
    // Mostly about as long as programs look; sometimes long.
    const std::size_t length = 14 + random() % (random() % 4 == 0 ? kLongest - 14 : 100);
    const auto first = reinterpret_cast<std::uint64_t>(frame_.data());
    xdp_ = {};
    xdp_.data_hard_start = first;
    xdp_.data = first + kRoom;
    xdp_.data_meta = xdp_.data;
    xdp_.data_end = xdp_.data + length;
    xdp_.data_hard_end = first + frame_.size();
    xdp_.ingress_ifindex = 1;
    skb_ = {};
    skb_.len = static_cast<std::uint32_t>(length);
    skb_.protocol = 8;
    skb_.ifindex = 1;
    skb_.data = skb_.data_meta = skb_.mac_header = xdp_.data;
    skb_.network_header = skb_.data + 14;
    skb_.data_end = xdp_.data_end;
    skb_.head = first;
    skb_.tail_end = first + frame_.size();
    for (std::uint32_t& word : skb_.cb) {
        word = static_cast<std::uint32_t>(random());
    }
}

void* Input::record() {
    if (kind_ == spec::ContextId::xdp) {
        return &xdp_;
    }
    return &skb_;
}

ByteVector Input::bytes() const {
    ByteVector all(frame_.begin(), frame_.end());
    const bool is_xdp = kind_ == spec::ContextId::xdp;
    const std::size_t size = is_xdp ? sizeof xdp_ : sizeof skb_;
    all.resize(frame_.size() + size);
    std::uint8_t* record = all.data() + frame_.size();
    std::memcpy(record, is_xdp ? static_cast<const void*>(&xdp_) : static_cast<const void*>(&skb_),
                size);
    const auto first = reinterpret_cast<std::uint64_t>(frame_.data());
    for (std::size_t at = 0; at + 8 <= size; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, record + at, 8);
        word -= word - first <= frame_.size() ? first : 0;
        std::memcpy(record + at, &word, 8);
    }
    return all;
}

} // namespace skep::tests::soundness
