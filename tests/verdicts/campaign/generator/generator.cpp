// SPDX-License-Identifier: Apache-2.0
#include "tests/verdicts/campaign/generator/generator.hpp"

#include "tests/verdicts/campaign/generator/mutant.hpp"
#include "tests/verdicts/campaign/generator/pieces.hpp"

namespace skep::tests::campaign {
namespace {

using spec::ProgramType;

struct ProgramKind {
    ProgramType type;
    std::uint32_t attach_type;
    std::uint32_t flags;
};

// The types of generated programs, oftener where there is more to judge.
constexpr std::uint32_t kSleepable = 1U << 4; // BPF_F_SLEEPABLE
constexpr ProgramKind kKinds[] = {
    {ProgramType::xdp, 0, 0},
    {ProgramType::xdp, 0, 0},
    {ProgramType::xdp, 0, 0},
    {ProgramType::xdp, 0, 0},
    {ProgramType::sched_cls, 0, 0},
    {ProgramType::sched_cls, 0, 0},
    {ProgramType::sched_cls, 0, 0},
    {ProgramType::sched_cls, 0, 0},
    {ProgramType::socket_filter, 0, 0},
    {ProgramType::socket_filter, 0, 0},
    {ProgramType::tracepoint, 0, 0},
    {ProgramType::raw_tracepoint, 0, 0},
    {ProgramType::kprobe, 0, 0},
    {ProgramType::perf_event, 0, 0},
    {ProgramType::sk_msg, 0, 0},
    {ProgramType::sk_skb, 0, 0},
    {ProgramType::sock_ops, 0, 0},
    {ProgramType::lwt_xmit, 0, 0},
    {ProgramType::cgroup_device, 0, 0},
    {ProgramType::cgroup_sysctl, 0, 0},
    {ProgramType::flow_dissector, 0, 0},
    {ProgramType::cgroup_skb, static_cast<std::uint32_t>(spec::AttachType::cgroup_inet_egress), 0},
    {ProgramType::cgroup_skb, static_cast<std::uint32_t>(spec::AttachType::cgroup_inet_ingress), 0},
    {ProgramType::cgroup_sock_addr,
     static_cast<std::uint32_t>(spec::AttachType::cgroup_inet4_connect), 0},
    {ProgramType::cgroup_sockopt, static_cast<std::uint32_t>(spec::AttachType::cgroup_setsockopt),
     0},
    {ProgramType::sk_lookup, static_cast<std::uint32_t>(spec::AttachType::sk_lookup), 0},
    {ProgramType::syscall, 0, kSleepable},
};

class Generator {
  public:
    explicit Generator(std::mt19937_64& random) : random_(random), writer_(random) {}

    ProgramSpec program() {
        const ProgramKind& kind = kKinds[writer_.below(std::size(kKinds))];
        program_.name = "generated";
        program_.type = kind.type;
        program_.expected_attach_type = kind.attach_type;
        program_.flags = kind.flags;
        program_.license = writer_.one_in(40) ? "Proprietary" : "GPL";
        writer_.set(1, Kind::context);
        if (!writer_.one_in(10)) {
            writer_.code.add(mov(6, 1));
            writer_.set(6, Kind::context);
        }
        body(6 + writer_.below(26), {program_, writer_.code.label(), 0, true, &pending_});
        for (std::size_t at = 0; at < pending_.size() && at < kMaxSubprograms; ++at) {
            subprogram(pending_[at]);
        }
        program_.insns = writer_.code.link();
        describe_functions();
        if (writer_.one_in(8) && program_.functions.empty()) {
            mutate(program_.insns, random_);
        }
        return std::move(program_);
    }

  private:
    static constexpr std::size_t kMaxSubprograms = 6;
    static constexpr std::size_t kLongest = 1200; // instructions

    // Functions are described when there are several: callbacks and some instructions need it.
    void describe_functions() {
        if (pending_.empty() || pending_.size() > kMaxSubprograms || writer_.one_in(12)) {
            return;
        }
        const std::vector<std::int32_t> places = writer_.code.places();
        program_.functions.push_back({InsnIndex{0}, main_function_type()});
        for (std::uint32_t at = 0; at < pending_.size(); ++at) {
            program_.functions.push_back(
                {InsnIndex{static_cast<std::uint32_t>(places.at(pending_[at].label))},
                 pending_[at].is_global ? global_function_type(at) : static_function_type(at)});
        }
    }

    void subprogram(const Pending& pending) {
        writer_.code.place(pending.label);
        writer_.frame = {};
        writer_.locked = 0;
        for (Reg reg = 1; reg <= 5; ++reg) {
            writer_.of(reg) = pending.arguments.at(reg - 1U);
        }
        is_callback_ = pending.is_callback;
        body(1 + writer_.below(8),
             {program_, writer_.code.label(), pending.depth, true, &pending_});
    }

    void body(unsigned count, const Site& site) {
        pieces(count, site, 0);
        answer();
        writer_.code.place(site.out);
        writer_.code.add(mov_imm(0, static_cast<std::int32_t>(writer_.below(2))));
        writer_.code.add(of_kind(InsnKind::exit));
    }

    void answer() {
        if (writer_.one_in(3)) { // falls through to the common end
            return;
        }
        if (writer_.one_in(3) && writer_.of(0).kind == Kind::number) {
            if (program_.type != ProgramType::xdp || is_callback_) {
                writer_.code.add(alu_imm(AluOp::and_, Width::w64, 0, 1));
            }
        } else {
            writer_.code.add(mov_imm(0, writer_.one_in(80) ? writer_.immediate() : 1));
        }
        writer_.code.add(of_kind(InsnKind::exit));
    }

    void pieces(unsigned count, const Site& site, unsigned nesting) {
        for (; count > 0 && writer_.code.size() < kLongest; --count) {
            piece(site, nesting);
        }
    }

    void piece(const Site& site, unsigned nesting) {
        const unsigned kind = writer_.below(100);
        if (kind < 16) {
            write_arithmetic(writer_);
        } else if (kind < 22) {
            write_bound(writer_, site, unlocked_number(), writer_.below(64));
        } else if (kind < 34) {
            write_stack_access(writer_);
        } else if (kind < 40) {
            write_look_up(writer_, site);
        } else if (kind < 52) {
            write_memory_access(writer_, site);
        } else if (kind < 60) {
            write_pointer_arithmetic(writer_, site);
        } else if (kind < 64) {
            write_context_load(writer_, site);
        } else if (kind < 69) {
            write_packet(writer_, site);
        } else if (kind < 72) {
            write_atomic(writer_);
        } else if (kind < 77) {
            write_move(writer_);
        } else if (kind < 83) {
            write_helper_call(writer_, site);
        } else if (kind < 85) {
            write_packet_load(writer_, site);
        } else if (kind < 87) {
            write_subprogram_call(writer_, site);
        } else if (kind < 90) {
            maybe_null(site);
        } else if (kind < 97 && nesting < 3) {
            two_sides(site, nesting);
        } else if (nesting < 2) {
            loop(site, nesting);
        }
    }

    Reg unlocked_number() {
        const Reg reg = writer_.a_number();
        if ((writer_.locked >> reg & 1) == 0) {
            return reg;
        }
        const Reg other = writer_.free(false);
        writer_.code.add(mov(other, reg));
        writer_.of(other) = writer_.of(reg);
        return other;
    }

    void maybe_null(const Site& site) {
        const auto value = writer_.holding(Kind::value_or_null);
        const auto object = writer_.holding(Kind::object_or_null);
        if (value.has_value()) {
            write_null_check(writer_, site, *value);
        } else if (object.has_value()) {
            write_null_check(writer_, site, *object);
        }
    }

    void two_sides(const Site& site, unsigned nesting) {
        const Draft::Label then = writer_.code.label();
        write_condition(writer_, then);
        const Frame before = writer_.frame;
        pieces(writer_.below(4), site, nesting + 1);
        if (writer_.one_in(3)) { // no other side
            writer_.code.place(then);
            writer_.frame = Writer::joined(before, writer_.frame);
            return;
        }
        const Draft::Label end = writer_.code.label();
        writer_.code.add(of_kind(InsnKind::jump_always), end);
        const Frame first = std::exchange(writer_.frame, before);
        writer_.code.place(then);
        pieces(writer_.below(4), site, nesting + 1);
        writer_.code.place(end);
        writer_.frame = Writer::joined(first, writer_.frame);
    }

    void loop(const Site& site, unsigned nesting) {
        const Draft::Label again = writer_.code.label();
        const Draft::Label end = writer_.code.label();
        const Reg counter = writer_.free(true);
        const std::uint16_t before = writer_.locked;
        const unsigned form = writer_.below(4);
        const auto rounds =
            static_cast<std::int32_t>(1 + writer_.below(writer_.one_in(4) ? 60 : 6));
        const bool counts_down = form == 0;
        if (form == 2) { // of an unknown number
            const Reg source = writer_.a_number();
            if (source != counter) {
                writer_.code.add(mov(counter, source));
            }
            write_bound(writer_, site, counter, 7);
        } else {
            writer_.code.add(mov_imm(counter, counts_down ? rounds : 0));
        }
        writer_.set(counter, Kind::number, static_cast<std::uint64_t>(rounds));
        writer_.locked = static_cast<std::uint16_t>(writer_.locked | 1U << counter);
        const Frame entry = writer_.frame;
        writer_.code.place(again);
        if (form == 3) {
            writer_.code.add(of_kind(InsnKind::may_goto), end);
        } else if (form == 1) {
            writer_.code.add(branch_imm(writer_.one_in(3) ? JumpOp::jeq : JumpOp::jge, Width::w64,
                                        counter, rounds),
                             end);
        }
        pieces(1 + writer_.below(3), site, nesting + 1);
        const std::int32_t step = counts_down ? -1 : 1;
        if (form != 3) {
            writer_.code.add(
                alu_imm(AluOp::add, Width::w64, counter, writer_.one_in(50) ? 0 : step));
        }
        if (form == 0) {
            writer_.code.add(branch_imm(JumpOp::jne, Width::w64, counter, 0), again);
        } else if (form == 2) {
            writer_.code.add(branch_imm(JumpOp::jle, Width::w64, counter, 7), again);
        } else {
            writer_.code.add(of_kind(InsnKind::jump_always), again);
        }
        writer_.code.place(end);
        writer_.locked = before;
        writer_.frame = Writer::joined(entry, writer_.frame);
    }

    std::mt19937_64& random_;
    Writer writer_;
    ProgramSpec program_;
    std::vector<Pending> pending_;
    bool is_callback_ = false;
};

} // namespace

ProgramSpec generate(std::mt19937_64& random) { return Generator(random).program(); }

} // namespace skep::tests::campaign
