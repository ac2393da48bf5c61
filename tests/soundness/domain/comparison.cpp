// SPDX-License-Identifier: Apache-2.0
#include "tests/soundness/domain/comparison.hpp"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "skep/verify/transfer/arithmetic.hpp"
#include "skep/verify/transfer/branch/branch.hpp"
#include "tests/soundness/domain/small_word.hpp"

namespace skep::tests::soundness {
namespace {

using verify::Compared;
using Numbers = std::array<std::uint8_t, kNumbers>;

// What comes out of one number with every number of a set, for each element.
using Image = std::vector<Members>;

std::string described(const Nibble& set) {
    return fmt::format("(bits {:x}/{:x} u {}..{} s {}..{} low {}..{} {}..{})", set.bits.value,
                       set.bits.mask, set.u.min, set.u.max, set.s.min, set.s.max, set.u_low.min,
                       set.u_low.max, set.s_low.min, set.s_low.max);
}

void note(Measured& measured, const Nibble& answer, Members concrete) {
    const Members answered = members(answer);
    const Members closest = best_members()[concrete];
    ++measured.answers;
    measured.exact += answered == closest ? 1U : 0U;
    measured.members += static_cast<unsigned>(std::popcount(answered));
    measured.best_members += static_cast<unsigned>(std::popcount(closest));
}

template <class Describe>
void expect_holds(Measured& measured, const Nibble& answer, Members concrete, Describe describe) {
    const auto lost = static_cast<unsigned>(concrete & ~members(answer));
    if (lost != 0 && measured.lost.empty()) {
        measured.lost =
            fmt::format("{} loses {} of {}", describe(), std::countr_zero(lost), described(answer));
    }
}

// concrete(x, y) for every y of a set, as masks.
template <class Concrete>
std::array<Image, kNumbers> images(Concrete concrete) {
    std::array<Image, kNumbers> all;
    for (unsigned x = 0; x < kNumbers; ++x) {
        Numbers results{};
        for (unsigned y = 0; y < kNumbers; ++y) {
            results.at(y) = static_cast<std::uint8_t>(concrete(x, y));
        }
        for (const Element& element : elements()) {
            unsigned mask = 0;
            for (unsigned y = 0; y < kNumbers; ++y) {
                mask |= (element.members >> y & 1U) != 0 ? 1U << results.at(y) : 0U;
            }
            all.at(x).push_back(static_cast<Members>(mask));
        }
    }
    return all;
}

Members image_of(const std::array<Image, kNumbers>& images, Members set, std::size_t other) {
    unsigned mask = 0;
    for (unsigned left = set; left != 0; left &= left - 1) {
        mask |= images[static_cast<std::size_t>(std::countr_zero(left))][other];
    }
    return static_cast<Members>(mask);
}

template <class Abstract, class Concrete>
Measured measure_pairs(std::string name, Abstract abstract, Concrete concrete) {
    Measured measured{.name = std::move(name)};
    const std::array<Image, kNumbers> all = images(concrete);
    for (const Element& a : elements()) {
        if (!measured.lost.empty()) {
            break;
        }
        for (std::size_t other = 0; other < elements().size(); ++other) {
            const Element& b = elements()[other];
            const Members wanted = image_of(all, a.members, other);
            const Nibble answer = abstract(a.set, b.set);
            note(measured, answer, wanted);
            expect_holds(measured, answer, wanted, [&] {
                return fmt::format("{} of {} and {}", measured.name, described(a.set),
                                   described(b.set));
            });
        }
    }
    return measured;
}

template <spec::AluOp op>
Measured measure_row(Form form) {
    const std::string name = fmt::format("{}{}", spec::row(op).text, form == Form::low ? "32" : "");
    if (form == Form::whole) {
        return measure_pairs(
            name,
            [](const Nibble& a, const Nibble& b) {
                return verify::Transfer<op>::template apply<4>(a, b);
            },
            [](unsigned x, unsigned y) {
                return spec::apply<op>(SmallWord<4>(x), SmallWord<4>(y)).number;
            });
    }
    return measure_pairs(
        name,
        [](const Nibble& a, const Nibble& b) {
            return verify::Transfer<op>::template apply_low<4>(a, b);
        },
        [](unsigned x, unsigned y) {
            return spec::apply<op>(SmallWord<2>(x), SmallWord<2>(y)).number;
        });
}

template <std::size_t... index>
Measured measure_row_at(std::size_t row, Form form, std::index_sequence<index...>) {
    Measured measured;
    static_cast<void>(
        ((index == row && (measured = measure_row<spec::kAluRows[index].op>(form), true)) || ...));
    return measured;
}

bool is_taken(spec::JumpOp op, Form form, unsigned x, unsigned y) {
    bool answer = false;
    switch (op) {
#define JUMP(id, ...)                                                                              \
    case spec::JumpOp::id:                                                                         \
        answer = form == Form::whole                                                               \
                     ? spec::taken<spec::JumpOp::id>(SmallWord<4>(x), SmallWord<4>(y))             \
                     : spec::taken<spec::JumpOp::id>(SmallWord<2>(x), SmallWord<2>(y));            \
        break;
#include "skep/spec/instructions.def"
    }
    return answer;
}

// Which numbers y of each element make the jump go that way, for each x.
std::array<Image, kNumbers> partners(spec::JumpOp op, Form form, bool taken) {
    std::array<Image, kNumbers> all;
    for (unsigned x = 0; x < kNumbers; ++x) {
        unsigned mask = 0;
        for (unsigned y = 0; y < kNumbers; ++y) {
            mask |= is_taken(op, form, x, y) == taken ? 1U << y : 0U;
        }
        for (const Element& element : elements()) {
            all.at(x).push_back(static_cast<Members>(mask & element.members));
        }
    }
    return all;
}

struct Edge { // the members that may be there
    Members left = 0, right = 0;
};
Edge edge_of(const std::array<Image, kNumbers>& partners, Members a, std::size_t other) {
    Edge edge;
    for (unsigned left = a; left != 0; left &= left - 1) {
        const auto x = static_cast<unsigned>(std::countr_zero(left));
        const unsigned with = partners[x][other];
        edge.left = static_cast<Members>(edge.left | (with != 0 ? 1U << x : 0U));
        edge.right = static_cast<Members>(edge.right | with);
    }
    return edge;
}

// All five parts, chosen apart from each other; calls visit for one choice in `step`.
template <class Visit>
void for_each_choice(unsigned step, Visit visit) {
    std::uint64_t number = 0;
    const auto intervals = [](int least, int greatest, auto use) {
        for (int min = least; min <= greatest; ++min) {
            for (int max = min; max <= greatest; ++max) {
                use(min, max);
            }
        }
    };
    Nibble set;
    const auto with_low = [&](int min, int max) {
        set.u_low = {static_cast<std::uint8_t>(min), static_cast<std::uint8_t>(max)};
        intervals(-2, 1, [&](int low_min, int low_max) {
            set.s_low = {static_cast<std::int8_t>(low_min), static_cast<std::int8_t>(low_max)};
            if (number++ % step == 0) {
                visit(set);
            }
        });
    };
    for (unsigned bits = 0; bits < 256; ++bits) {
        set.bits = {static_cast<std::uint8_t>(bits & 15), static_cast<std::uint8_t>(bits >> 4)};
        if ((set.bits.value & set.bits.mask) != 0) {
            continue;
        }
        intervals(0, 15, [&](int min, int max) {
            set.u = {static_cast<std::uint8_t>(min), static_cast<std::uint8_t>(max)};
            intervals(-8, 7, [&](int signed_min, int signed_max) {
                set.s = {static_cast<std::int8_t>(signed_min),
                         static_cast<std::int8_t>(signed_max)};
                intervals(0, 3, with_low);
            });
        });
    }
}

Members low_bits_of(Members set, unsigned count) {
    unsigned mask = 0;
    for (unsigned x = 0; x < kNumbers; ++x) {
        mask |= (set >> x & 1U) != 0 ? 1U << (x & ((1U << count) - 1)) : 0U;
    }
    return static_cast<Members>(mask);
}

} // namespace

bool has_bytes_in_order(std::size_t row) {
    const spec::Operand operand = spec::kAluRows[row].operand;
    return operand == spec::Operand::order_le || operand == spec::Operand::order_be ||
           operand == spec::Operand::order_swap;
}

Measured measure_operation(std::size_t row, Form form) {
    return measure_row_at(row, form, std::make_index_sequence<spec::kAluRows.size()>{});
}

Measured measure_sign_extension() {
    return measure_pairs(
        "movsx of the low half",
        [](const Nibble& a, const Nibble& b) { return verify::Extended<2>::apply<4>(a, b); },
        [](unsigned, unsigned y) { return SmallWord<4>(y).extended(2).number; });
}

Measured measure_join() {
    Measured measured{.name = "join"};
    for (const Element& a : elements()) {
        if (!measured.lost.empty()) {
            break;
        }
        for (const Element& b : elements()) {
            const Nibble either = a.set.join(b.set);
            const auto both = static_cast<Members>(a.members | b.members);
            note(measured, either, both);
            const auto describe = [&] {
                return fmt::format("join of {} and {}", described(a.set), described(b.set));
            };
            expect_holds(measured, either, both, describe);
            Nibble met = a.set.meet(b.set);
            met.synchronise();
            expect_holds(measured, met, a.members & b.members, describe);
            if (measured.lost.empty() && a.set.includes(b.set) != ((b.members & ~a.members) == 0)) {
                measured.lost = "includes() is wrong: " + describe();
            }
        }
    }
    return measured;
}

Measured measure_jump(std::size_t row, Form form, bool taken, unsigned step) {
    const spec::JumpRow& jump = spec::kJumpRows[row];
    const Compared part = form == Form::whole ? Compared::whole : Compared::low;
    Measured measured{.name = fmt::format("{}{} {}", jump.text, form == Form::low ? "32" : "",
                                          taken ? "taken" : "not taken")};
    const std::array<Image, kNumbers> all = partners(jump.op, form, taken);
    std::size_t tried = 0; // where the walk of the others begins, another one each time
    for (const Element& a : elements()) {
        if (!measured.lost.empty()) {
            break;
        }
        for (std::size_t other = tried++ % step; other < elements().size(); other += step) {
            const Element& b = elements()[other];
            const Edge edge = edge_of(all, a.members, other);
            const auto describe = [&] {
                return fmt::format("{} of {} and {}", measured.name, described(a.set),
                                   described(b.set));
            };
            const auto answer = verify::decided(jump.op, part, a.set, b.set);
            if (edge.left == 0) {
                continue; // nothing can be lost of an edge that nothing takes
            }
            if (measured.lost.empty() && answer.has_value() && *answer != taken) {
                measured.lost = "decided, and wrong: " + describe();
            }
            Nibble left = a.set;
            Nibble right = b.set;
            verify::refine(jump.op, part, taken, left, right);
            note(measured, left, edge.left);
            note(measured, right, edge.right);
            expect_holds(measured, left, edge.left, describe);
            expect_holds(measured, right, edge.right, describe);
        }
    }
    return measured;
}

Measured measure_synchronise(unsigned step) {
    Measured measured{.name = "synchronise"};
    for_each_choice(step, [&measured](const Nibble& set) {
        const Members before = members(set);
        if (before == 0) {
            return;
        }
        Nibble after = set;
        after.synchronise();
        note(measured, after, before);
        const auto describe = [&] { return fmt::format("synchronise of {}", described(set)); };
        expect_holds(measured, after, before, describe);
        if (members(after) != before && measured.lost.empty()) {
            measured.lost = "gained members: " + describe();
        }
    });
    return measured;
}

Measured measure_narrowing(unsigned step) {
    Measured measured{.name = "low bits kept"};
    for_each_choice(step, [&measured](const Nibble& set) {
        const Members before = members(set);
        if (before == 0) {
            return;
        }
        const auto describe = [&] { return fmt::format("narrowed {}", described(set)); };
        Nibble low = set;
        low.zero_extend_low();
        note(measured, low, low_bits_of(before, 2));
        expect_holds(measured, low, low_bits_of(before, 2), describe);
        for (const unsigned count : {1U, 2U, 3U, 4U}) {
            Nibble kept = set;
            kept.keep_low_bits(count);
            note(measured, kept, low_bits_of(before, count));
            expect_holds(measured, kept, low_bits_of(before, count), describe);
        }
    });
    return measured;
}

} // namespace skep::tests::soundness
