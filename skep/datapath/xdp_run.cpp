// SPDX-License-Identifier: Apache-2.0
#include "skep/datapath/xdp_run.hpp"

namespace skep::datapath {
namespace {

std::uint64_t address_of(const std::uint8_t* byte) {
    return reinterpret_cast<std::uint64_t>(byte); // NOLINT: host records hold addresses as numbers
}

} // namespace

XdpRun::XdpRun(const helpers::Services& services, std::uint32_t cpu, ArrivalFacts arrival)
    : arrival_(arrival) {
    invocation_.services = &services;
    invocation_.cpu = cpu;
    invocation_.context = &context_;
    invocation_.program_type = spec::ProgramType::xdp;
    invocation_.packet = {address_of(frame_.data()), address_of(frame_.data()) + frame_.size()};
    invocation_.random_state = 0x9e3779b97f4a7c15ULL * (cpu + 1);
}

std::optional<std::uint32_t> XdpRun::run(std::size_t size_bytes) {
    const std::uint64_t start = address_of(frame_.data());
    context_ = spec::HostXdp{};
    context_.data = start + contexts::kXdpHeadroomBytes;
    context_.data_end = context_.data + size_bytes;
    context_.data_meta = context_.data;
    context_.data_hard_start = start;
    context_.data_hard_end = start + contexts::kXdpFrameBytes - contexts::kXdpTailroomBytes;
    context_.ingress_ifindex = arrival_.ingress_ifindex;
    context_.rx_queue_index = arrival_.rx_queue_index;
    invocation_.tail_calls = 0;
    invocation_.redirect = {};
    const std::uint32_t faults_before = invocation_.faults;
    const std::uint64_t answer = program_->run(&context_, invocation_);
    helpers::end_run(invocation_);
    if (invocation_.faults != faults_before) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(answer);
}

std::optional<std::uint32_t> XdpRun::run_entry(std::uint32_t program_id,
                                               std::uint32_t egress_ifindex) {
    context_.egress_ifindex = egress_ifindex;
    context_.data_meta = context_.data; // what the first program left there is not for this one
    invocation_.tail_calls = 0;
    invocation_.redirect = {};
    const std::uint32_t faults_before = invocation_.faults;
    std::uint64_t answer = 0;
    const helpers::Services& services = *invocation_.services;
    const bool ran = services.run_program != nullptr &&
                     services.run_program(services.owner, program_id, invocation_, &answer);
    helpers::end_run(invocation_);
    if (!ran || invocation_.faults != faults_before) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(answer);
}

Bytes XdpRun::packet() const {
    const std::uint64_t offset = context_.data - address_of(frame_.data());
    return Bytes(frame_).subspan(offset, context_.data_end - context_.data);
}

} // namespace skep::datapath
