// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/profiling.hpp"

#include <algorithm>
#include <array>

namespace skep::app {

namespace {

struct MetricRow {
    std::string_view word;
    Metric metric;
    std::string_view unit;
    std::optional<os::Sampled> sampled;
};
constexpr std::array kMetrics{
    MetricRow{"cycles", Metric::cycles, "cycles", os::Sampled::cycles},
    MetricRow{"time", Metric::time, "ns", os::Sampled::time_ns},
    MetricRow{"instructions", Metric::instructions, "instructions", std::nullopt}};

const MetricRow& row(Metric metric) { return kMetrics[static_cast<std::size_t>(metric)]; }

} // namespace

std::optional<Metric> take_metric(Words& words) {
    for (const MetricRow& row : kMetrics) {
        if (words.peek() == row.word) {
            words.take();
            return row.metric;
        }
    }
    return std::nullopt;
}

std::string_view unit_of(Metric metric) { return row(metric).unit; }
bool is_sampled(Metric metric) { return row(metric).sampled.has_value(); }

Result<std::unique_ptr<os::Sampler>> open_sampler(Metric metric) {
    if (!is_sampled(metric)) {
        return std::unique_ptr<os::Sampler>();
    }
    return std::make_unique<os::Sampler>(TRY(os::Sampler::open(*row(metric).sampled)));
}

Costs costs_of(const os::Samples& samples, Metric metric, const run::CodeListing& listing) {
    Costs costs;
    costs.unit = unit_of(metric);
    const auto& offsets = listing.insn_offsets;
    costs.of.resize(offsets.empty() ? 0 : offsets.size() - 1);
    for (const os::Sample& sample : samples.samples) {
        const std::uint64_t offset = sample.address - listing.address;
        const bool is_inside =
            sample.address >= listing.address && !costs.of.empty() && offset < listing.bytes.size();
        if (!is_inside) {
            costs.elsewhere += sample.amount;
            continue;
        }
        // Of those that begin at one place the first: the others became one with it. What lies
        // before the first instruction is its function's beginning, what lies after the last its
        // end.
        const auto after = std::upper_bound(offsets.begin(), offsets.end() - 1, offset);
        const auto begin = after == offsets.begin()
                               ? offsets.begin()
                               : std::lower_bound(offsets.begin(), after, *std::prev(after));
        costs.of[static_cast<std::size_t>(begin - offsets.begin())] += sample.amount;
    }
    return costs;
}

} // namespace skep::app
