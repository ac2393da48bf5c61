// SPDX-License-Identifier: Apache-2.0
//
// Data plane. One frame at a time through one program: the frame's memory, the record that R1
// points at, and the program that may be exchanged between two frames.
//
// A frame is 4096 bytes with 256 bytes of headroom, as the kernel's; the same memory is used again
// for each packet, since one that stays in the first-level cache is quicker than a batch of them.
// A program may move the ends of the packet inside it (bpf_xdp_adjust_head, _tail, _meta).
//
//   0        256                              4096 - 320       4096
//   ├─────────┼────────────────────────────────┼────────────────┤
//   │ headroom│ packet: up to 3520 bytes       │ not the packet's
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "skep/base/bytes.hpp"
#include "skep/contexts/xdp_context.hpp"
#include "skep/datapath/port_counters.hpp"
#include "skep/helpers/invocation.hpp"
#include "skep/run/executable.hpp"
#include "skep/spec/contexts/host_contexts.hpp"

namespace skep::datapath {

inline constexpr std::size_t kMaxFrameBytes = contexts::kXdpLinearMost;
inline constexpr std::size_t kMinFrameBytes = 14; // an Ethernet header

// Where the device's packets say they come from.
struct ArrivalFacts {
    std::uint32_t ingress_ifindex = 0;
    std::uint32_t rx_queue_index = 0;
};

class XdpRun {
  public:
    XdpRun(const helpers::Services& services, std::uint32_t cpu, ArrivalFacts arrival);

    // Between two frames: another program from now on, and its maps, whose values it may read by
    // helpers that take addresses. Both must outlive their use.
    void set_program(run::Executable& program, std::span<maps::Map* const> maps = {}) {
        program_ = &program;
        invocation_.maps = maps;
    }

    // Where a device puts the next packet, before run().
    [[nodiscard]] MutableBytes receive_area() {
        return MutableBytes(frame_).subspan(contexts::kXdpHeadroomBytes, kMaxFrameBytes);
    }
    // Runs the program on the first `size_bytes` of the receive area, which are its packet. Nothing
    // when a fault ended the run.
    std::optional<std::uint32_t> run(std::size_t size_bytes);
    // The packet as the program left it; valid until the next run.
    [[nodiscard]] Bytes packet() const;

    // After a run that said XDP_REDIRECT: where to.
    [[nodiscard]] const helpers::Redirect& redirect() const { return invocation_.redirect; }
    [[nodiscard]] std::uint32_t cpu() const { return invocation_.cpu; }
    [[nodiscard]] std::uint32_t ingress_ifindex() const { return arrival_.ingress_ifindex; }
    // Runs the program of a device map's or CPU map's entry on the packet as it is. Nothing when a
    // fault ended the run, or when there is no such program.
    std::optional<std::uint32_t> run_entry(std::uint32_t program_id, std::uint32_t egress_ifindex);

    // The frame and its ends, to come back to: a packet that goes to several places goes there as
    // it is now.
    struct Snapshot {
        std::array<std::uint8_t, contexts::kXdpFrameBytes> frame;
        spec::HostXdp context;
    };
    void keep(Snapshot& snapshot) const { snapshot = {frame_, context_}; }
    void come_back(const Snapshot& snapshot) {
        frame_ = snapshot.frame;
        context_ = snapshot.context;
    }

  private:
    alignas(64) std::array<std::uint8_t, contexts::kXdpFrameBytes> frame_{};
    spec::HostXdp context_;
    helpers::Invocation invocation_;
    ArrivalFacts arrival_;
    run::Executable* program_ = nullptr;
};

} // namespace skep::datapath
