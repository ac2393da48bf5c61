// SPDX-License-Identifier: Apache-2.0
//
// The table of transfer functions, one entry per row of the instruction table, by operation number.
#include "skep/verify/transfer/arithmetic.hpp"

#include <array>
#include <utility>

namespace skep::verify {
namespace {

using Function = Scalar (*)(const Scalar&, const Scalar&);

template <std::size_t... index>
constexpr auto whole_functions(std::index_sequence<index...>) {
    return std::array<Function, sizeof...(index)>{
        &Transfer<spec::kAluRows[index].op>::template apply<64>...};
}
template <std::size_t... index>
constexpr auto low_functions(std::index_sequence<index...>) {
    return std::array<Function, sizeof...(index)>{
        &Transfer<spec::kAluRows[index].op>::template apply_low<64>...};
}

constexpr auto kWhole = whole_functions(std::make_index_sequence<spec::kAluRows.size()>{});
constexpr auto kLow = low_functions(std::make_index_sequence<spec::kAluRows.size()>{});

} // namespace

Scalar transferred(spec::AluOp op, const Scalar& a, const Scalar& b) {
    return kWhole.at(static_cast<std::size_t>(op))(a, b);
}
Scalar transferred_low(spec::AluOp op, const Scalar& a, const Scalar& b) {
    return kLow.at(static_cast<std::size_t>(op))(a, b);
}

} // namespace skep::verify
