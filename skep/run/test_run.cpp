// SPDX-License-Identifier: Apache-2.0
#include "skep/run/test_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "skep/base/kernel_errno.hpp"
#include "skep/contexts/skb_context.hpp"
#include "skep/contexts/xdp_context.hpp"
#include "skep/os/clock.hpp"
#include "skep/spec/limits.hpp"

namespace skep::run {
namespace {

using contexts::FirstLayer;
using spec::ProgramType;

constexpr std::uint32_t kEthernetLeast = 14;
constexpr std::uint32_t kContextMost = 4096;

Error refused(int error_number, std::string why) {
    return Error{Code::invalid_input, error_number, "test run: " + std::move(why)};
}

helpers::MemoryRange range_of(Bytes memory) {
    const auto begin = reinterpret_cast<std::uint64_t>(memory.data());
    return {begin, begin + memory.size()};
}

// ---- running ----

struct Measured {
    std::uint32_t retval = 0;
    std::uint32_t duration_ns = 0;
    std::uint32_t faults = 0;
};

Result<Measured> run_repeatedly(const TestSubject& subject, std::uint32_t repeat, void* context,
                                Bytes packet_memory) {
    constexpr std::uint32_t kRunsBetweenQuestions = 1024;
    helpers::Invocation invocation;
    invocation.context = context;
    invocation.program_type = subject.type;
    invocation.cpu = subject.slot;
    invocation.services = subject.services;
    invocation.packet = range_of(packet_memory);
    invocation.maps = subject.maps;
    const std::uint32_t runs = std::max(repeat, 1U);
    std::uint64_t answer = 0;
    const std::uint64_t began = os::clock_ns(os::Clock::monotonic);
    for (std::uint32_t i = 0; i < runs; ++i) {
        if (i % kRunsBetweenQuestions == 0 && subject.should_stop && subject.should_stop()) {
            return refused(EINTR, "stopped");
        }
        invocation.tail_calls = 0;
        invocation.redirect = {};
        answer = subject.executable->run(context, invocation);
        helpers::end_run(invocation);
    }
    const std::uint64_t took = os::clock_ns(os::Clock::monotonic) - began;
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    const std::uint64_t mean = (took + runs / 2) / runs;
    return Measured{static_cast<std::uint32_t>(answer),
                    static_cast<std::uint32_t>(std::min(mean, kMost)), invocation.faults};
}

// ---- what comes in and goes out ----

// The context structure, filled up with zeroes.
Result<ByteVector> read_context(const TestRun& run, std::size_t struct_bytes) {
    if (run.context_in.size() > kContextMost) {
        return refused(E2BIG, "the context is longer than a page");
    }
    ByteVector whole = run.context_in;
    const auto surplus =
        whole.begin() + static_cast<std::ptrdiff_t>(std::min(whole.size(), struct_bytes));
    if (std::any_of(surplus, whole.end(), [](auto byte) { return byte != 0; })) {
        return refused(E2BIG, "the context has bytes set that this kind of program does not know");
    }
    whole.resize(struct_bytes);
    return whole;
}

bool has_context(const TestRun& run) {
    return run.has_context_in || !run.context_in.empty() || run.wants_context_out;
}

void give(TestRunAnswer& answer, Bytes whole, const TestRun& run) {
    answer.data_out_size = static_cast<std::uint32_t>(whole.size());
    const std::size_t given = std::min<std::size_t>(whole.size(), run.data_out_room);
    if (run.wants_data_out && given > 0) {
        answer.data_out.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(given));
        answer.os_errno = given < whole.size() ? ENOSPC : answer.os_errno;
    }
}

void give_context(TestRunAnswer& answer, Bytes whole, const TestRun& run) {
    if (!run.wants_context_out) {
        return;
    }
    answer.context_out_size = static_cast<std::uint32_t>(whole.size());
    const std::size_t given = std::min<std::size_t>(whole.size(), run.context_out_room);
    answer.context_out.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(given));
    answer.os_errno = given > 0 && given < whole.size() ? ENOSPC : answer.os_errno;
}

TestRunAnswer answer_of(const Measured& measured) {
    TestRunAnswer answer;
    answer.retval = measured.retval;
    answer.duration_ns = measured.duration_ns;
    answer.faults = measured.faults;
    return answer;
}

bool device_exists(const TestSubject& subject, std::uint32_t ifindex) {
    constexpr std::uint32_t kLoopback = 1;
    return subject.device_exists ? subject.device_exists(ifindex) : ifindex == kLoopback;
}

std::uint32_t word_at(const ByteVector& bytes, std::size_t offset) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + offset, sizeof word);
    return word;
}

void put_word(ByteVector& bytes, std::size_t offset, std::uint32_t word) {
    std::memcpy(bytes.data() + offset, &word, sizeof word);
}

// ---- XDP ----

namespace xdp_md {
enum : std::size_t {
    kData = 0,
    kDataEnd = 4,
    kDataMeta = 8,
    kIngress = 12,
    kQueue = 16,
    kEgress = 20,
    kBytes = 24
};
} // namespace xdp_md

struct XdpStart {
    std::uint32_t meta_bytes = 0;
    std::uint32_t visible_bytes = 0;
    std::uint32_t ingress = 1;
    std::uint32_t queue = 0;
};

Result<XdpStart> read_xdp_context(const TestRun& run, const TestSubject& subject,
                                  const ByteVector& context) {
    constexpr std::uint32_t kMetaMost =
        spec::limits::test_run_metadata_bytes; // the headroom without the 40 bytes of a frame's
                                               // head
    const auto size = static_cast<std::uint32_t>(run.data_in.size());
    XdpStart start;
    start.meta_bytes = word_at(context, xdp_md::kData);
    const std::uint32_t end = word_at(context, xdp_md::kDataEnd);
    const std::uint32_t ingress = word_at(context, xdp_md::kIngress);
    start.queue = word_at(context, xdp_md::kQueue);
    if (word_at(context, xdp_md::kDataMeta) != 0 || word_at(context, xdp_md::kEgress) != 0 ||
        end > size) {
        return refused(EINVAL,
                       "data_meta and egress_ifindex must be 0, data_end at most the data's size");
    }
    if (start.meta_bytes % 4 != 0 || start.meta_bytes > kMetaMost || start.meta_bytes > end ||
        size - start.meta_bytes < kEthernetLeast) {
        return refused(EINVAL,
                       "metadata (the context's data) must be a multiple of 4, at most 216, and "
                       "leave 14 bytes of packet");
    }
    if (ingress == 0 ? start.queue != 0 : false) {
        return refused(EINVAL, "a receive queue needs a device");
    }
    if (ingress != 0 && !device_exists(subject, ingress)) {
        return refused(ENODEV, fmt::format("there is no device {}", ingress));
    }
    if (start.queue != 0) {
        return refused(EINVAL, "the device has no such receive queue");
    }
    start.ingress = ingress != 0 ? ingress : 1;
    start.visible_bytes = end - start.meta_bytes;
    return start;
}

Result<TestRunAnswer> run_xdp(const TestRun& run, const TestSubject& subject) {
    constexpr std::uint32_t kLiveFrames = 2;
    constexpr std::size_t kLargest = spec::limits::test_run_packet_bytes;
    if ((run.flags & ~kLiveFrames) != 0 || (run.flags == 0 && run.batch_size != 0)) {
        return refused(EINVAL, "unknown flags, or a batch without live frames");
    }
    if ((run.flags & kLiveFrames) != 0) {
        return refused(EOPNOTSUPP, "live frames are not carried by the user engine");
    }
    const ByteVector context = TRY(read_context(run, xdp_md::kBytes));
    if (run.data_in.size() < kEthernetLeast) {
        return refused(EINVAL, "an XDP packet has at least 14 bytes");
    }
    if (run.data_in.size() > kLargest) {
        return refused(ENOMEM, "an XDP packet has at most 73,152 bytes");
    }
    XdpStart start;
    start.visible_bytes = static_cast<std::uint32_t>(run.data_in.size());
    if (has_context(run)) {
        start = TRY(read_xdp_context(run, subject, context));
    }
    start.visible_bytes =
        std::min(start.visible_bytes, contexts::kXdpLinearMost - start.meta_bytes);
    contexts::XdpContext xdp(run.data_in, start.meta_bytes, start.visible_bytes);
    xdp.record().ingress_ifindex = start.ingress;
    xdp.record().rx_queue_index = start.queue;
    const Measured measured = TRY(run_repeatedly(subject, run.repeat, &xdp.record(), xdp.memory()));
    TestRunAnswer answer = answer_of(measured);
    give(answer, xdp.contents(), run);
    ByteVector out = context;
    put_word(out, xdp_md::kData, xdp.meta_bytes());
    put_word(out, xdp_md::kDataEnd, xdp.meta_bytes() + xdp.linear_bytes());
    give_context(answer, out, run);
    return answer;
}

// ---- socket buffers ----

struct Field {
    std::size_t offset, bytes;
};
namespace sk_buff {
constexpr std::size_t kBytes = 192;
constexpr Field kMark{8, 4}, kPriority{32, 4}, kIngress{36, 4}, kIfindex{40, 4}, kCb{48, 20},
    kTstamp{152, 8}, kWireLen{160, 4}, kGsoSegs{164, 4}, kGsoSize{176, 4}, kHwTstamp{184, 8};
constexpr std::array kSettable{kMark,   kPriority, kIngress, kIfindex, kCb,
                               kTstamp, kWireLen,  kGsoSegs, kGsoSize, kHwTstamp};
} // namespace sk_buff

Result<void> check_skb_context(const ByteVector& context, std::uint32_t length,
                               const TestSubject& subject) {
    ByteVector rest = context;
    for (const Field& field : sk_buff::kSettable) {
        std::fill_n(rest.begin() + static_cast<std::ptrdiff_t>(field.offset), field.bytes,
                    std::uint8_t{0});
    }
    if (std::any_of(rest.begin(), rest.end(), [](auto byte) { return byte != 0; })) {
        return refused(EINVAL,
                       "only mark, priority, ingress_ifindex, ifindex, cb, tstamp, wire_len, "
                       "gso_segs, gso_size and hwtstamp can be set");
    }
    const std::uint32_t ifindex = word_at(context, sk_buff::kIfindex.offset);
    if (ifindex > 1 && !device_exists(subject, ifindex)) {
        return refused(ENODEV, fmt::format("there is no device {}", ifindex));
    }
    constexpr std::uint32_t kWireMost = 65536;
    constexpr std::uint32_t kSegmentsMost = 65535;
    const std::uint32_t wire = word_at(context, sk_buff::kWireLen.offset);
    if (wire != 0 && (wire < length || wire > kWireMost)) {
        return refused(EINVAL, "wire_len must be 0, or from the packet's length to 65,536");
    }
    if (word_at(context, sk_buff::kGsoSegs.offset) > kSegmentsMost) {
        return refused(EINVAL, "gso_segs is at most 65,535");
    }
    return {};
}

// The record begins with the structure of linux/bpf.h, so fields go by offset.
void copy_fields(std::uint8_t* to, const std::uint8_t* from) {
    for (const Field& field : sk_buff::kSettable) {
        std::memcpy(to + field.offset, from + field.offset, field.bytes);
    }
}

std::uint32_t least_frame(const ByteVector& frame) {
    const int type = frame[12] << 8 | frame[13];
    return type == 0x0800 ? 34 : type == 0x86dd ? 54 : kEthernetLeast;
}

Result<TestRunAnswer> run_skb(const TestRun& run, const TestSubject& subject, FirstLayer first) {
    constexpr std::uint32_t kChecksumComplete = 4;
    constexpr std::size_t kLargest = 3712;
    if ((run.flags & ~kChecksumComplete) != 0 || run.cpu != 0 || run.batch_size != 0) {
        return refused(EINVAL,
                       "flags (but 4), cpu and batch_size must be 0 for this kind of program");
    }
    if (run.data_in.size() < kEthernetLeast || run.data_in.size() > kLargest) {
        return refused(EINVAL, "a frame has 14 to 3,712 bytes");
    }
    ByteVector context = TRY(read_context(run, sk_buff::kBytes));
    if (run.data_in.size() < least_frame(run.data_in)) {
        return refused(EINVAL, "the frame is too short for the header its type promises");
    }
    contexts::SkbContext skb(run.data_in, first);
    auto* record =
        reinterpret_cast<std::uint8_t*>(&skb.record()); // NOLINT: fields by offset, see above
    const std::uint32_t length = skb.record().len;
    if (has_context(run)) {
        TRY(check_skb_context(context, length, subject));
        const std::uint32_t ifindex = word_at(context, sk_buff::kIfindex.offset);
        put_word(context, sk_buff::kIfindex.offset, ifindex == 0 ? 1 : ifindex);
        const std::uint32_t wire = word_at(context, sk_buff::kWireLen.offset);
        put_word(context, sk_buff::kWireLen.offset, wire == 0 ? length : wire);
        copy_fields(record, context.data());
    }
    const Measured measured = TRY(run_repeatedly(subject, run.repeat, &skb.record(), skb.memory()));
    TestRunAnswer answer = answer_of(measured);
    give(answer, skb.frame(), run);
    ByteVector out(sk_buff::kBytes);
    copy_fields(out.data(), record);
    give_context(answer, out, run);
    return answer;
}

Result<TestRunAnswer> run_skb_of_link_layer(const TestRun& run, const TestSubject& subject) {
    return run_skb(run, subject, FirstLayer::link);
}
Result<TestRunAnswer> run_skb_of_network_layer(const TestRun& run, const TestSubject& subject) {
    return run_skb(run, subject, FirstLayer::network);
}

// ---- programs on other records ----

Result<TestRunAnswer> run_raw_tracepoint(const TestRun& run, const TestSubject& subject) {
    constexpr std::uint32_t kOnCpu = 1;
    constexpr std::size_t kArguments = 96;
    const bool has_data = !run.data_in.empty() || run.data_out_room != 0 || run.wants_context_out;
    if (has_data || run.repeat != 0 || run.batch_size != 0 || run.context_in.size() > kArguments) {
        return refused(EINVAL, "only up to twelve arguments as context can be given");
    }
    if ((run.flags & kOnCpu) == 0 && run.cpu != 0) {
        return refused(EINVAL, "a cpu needs the flag that chooses it");
    }
    std::array<std::uint64_t, kArguments / 8> arguments{};
    std::ranges::copy(run.context_in, reinterpret_cast<std::uint8_t*>(arguments.data()));
    Measured measured = TRY(run_repeatedly(subject, 1, arguments.data(), {}));
    measured.duration_ns = 0;
    return answer_of(measured);
}

// The context of a syscall program is memory that it reads and writes in place.
Result<TestRunAnswer> run_syscall(const TestRun& run, const TestSubject& subject) {
    constexpr std::size_t kLargest = spec::limits::syscall_context_bytes;
    const bool has_data = !run.data_in.empty() || run.data_out_room != 0 || run.wants_context_out;
    if (has_data || run.repeat != 0 || run.flags != 0 || run.batch_size != 0 ||
        run.context_in.size() > kLargest) {
        return refused(EINVAL, "only a context of up to 65,535 bytes can be given");
    }
    std::vector<std::uint64_t> memory(kLargest / 8 +
                                      1); // as much as any program can reach, aligned
    std::ranges::copy(run.context_in, reinterpret_cast<std::uint8_t*>(memory.data()));
    const auto* bytes =
        reinterpret_cast<const std::uint8_t*>(memory.data()); // NOLINT: bytes of ours
    Measured measured = TRY(run_repeatedly(subject, 1, memory.data(), Bytes(bytes, kLargest)));
    measured.duration_ns = 0;
    TestRunAnswer answer = answer_of(measured);
    answer.context_out.assign(bytes, bytes + run.context_in.size());
    answer.context_out_size = static_cast<std::uint32_t>(run.context_in.size());
    return answer;
}

namespace flow_keys {
enum : std::size_t { kNhoff = 0, kThoff = 2, kProtocol = 10, kFlags = 48, kBytes = 56 };
} // namespace flow_keys

Result<TestRunAnswer> run_flow_dissector(const TestRun& run, const TestSubject& subject) {
    constexpr std::size_t kLargest = 4096;
    if (run.flags != 0 || run.cpu != 0 || run.batch_size != 0 ||
        run.data_in.size() < kEthernetLeast || run.data_in.size() > kLargest) {
        return refused(EINVAL, "a frame of 14 to 4,096 bytes, no flags");
    }
    const ByteVector context = TRY(read_context(run, flow_keys::kBytes));
    ByteVector rest = context;
    put_word(rest, flow_keys::kFlags, 0);
    if (std::any_of(rest.begin(), rest.end(), [](auto byte) { return byte != 0; })) {
        return refused(EINVAL, "only the flags of the flow keys can be set");
    }
    contexts::SkbContext skb(run.data_in, FirstLayer::link);
    alignas(8) std::array<std::uint8_t, flow_keys::kBytes> keys{};
    keys[flow_keys::kNhoff] = keys[flow_keys::kThoff] = kEthernetLeast;
    std::copy_n(run.data_in.begin() + 12, 2, keys.begin() + flow_keys::kProtocol);
    std::copy_n(context.begin() + flow_keys::kFlags, 4, keys.begin() + flow_keys::kFlags);
    skb.record().flow_keys = reinterpret_cast<std::uint64_t>(keys.data());
    const Measured measured = TRY(run_repeatedly(subject, run.repeat, &skb.record(), skb.memory()));
    TestRunAnswer answer = answer_of(measured);
    give(answer, keys, run);
    give_context(answer, context, run);
    return answer;
}

struct Kind {
    ProgramType type;
    Result<TestRunAnswer> (*perform)(const TestRun& run, const TestSubject& subject);
};

constexpr std::array kKinds{
    Kind{ProgramType::xdp, run_xdp},
    Kind{ProgramType::sched_cls, run_skb_of_link_layer},
    Kind{ProgramType::sched_act, run_skb_of_link_layer},
    Kind{ProgramType::socket_filter, run_skb_of_network_layer},
    Kind{ProgramType::cgroup_skb, run_skb_of_network_layer},
    Kind{ProgramType::lwt_in, run_skb_of_network_layer},
    Kind{ProgramType::lwt_out, run_skb_of_network_layer},
    Kind{ProgramType::lwt_xmit, run_skb_of_network_layer},
    Kind{ProgramType::flow_dissector, run_flow_dissector},
    Kind{ProgramType::raw_tracepoint, run_raw_tracepoint},
    Kind{ProgramType::syscall, run_syscall},
};

} // namespace

Result<TestRunAnswer> perform_test_run(const TestRun& run, const TestSubject& subject) {
    SKEP_ASSERT(subject.executable != nullptr);
    for (const Kind& kind : kKinds) {
        if (kind.type == subject.type) {
            return kind.perform(run, subject);
        }
    }
    const spec::ProgramTypeRow* row = spec::find(subject.type);
    return refused(kNotSupported,
                   fmt::format("programs of type {} cannot be test-run by the user engine",
                               row == nullptr ? "unknown" : row->name));
}

} // namespace skep::run
