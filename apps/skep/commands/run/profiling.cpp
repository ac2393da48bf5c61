// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/run/profiling.hpp"

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

std::string metric_names(std::string_view between) {
    std::string all;
    for (const MetricRow& row : kMetrics) {
        all += fmt::format("{}{}", all.empty() ? "" : between, row.word);
    }
    return all;
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
    std::size_t insns = listing.insn_offsets.empty() ? 0 : listing.insn_offsets.size() - 1;
    for (const run::CodeListing::Mark& mark : listing.marks) {
        insns = std::max<std::size_t>(insns, mark.insn + 1);
    }
    costs.of.resize(insns);
    for (const os::Sample& sample : samples.samples) {
        const auto insn = sample.address < listing.address
                              ? std::nullopt
                              : listing.insn_at(sample.address - listing.address);
        (insn.has_value() ? costs.of.at(*insn) : costs.elsewhere) += sample.amount;
    }
    return costs;
}

} // namespace skep::app
