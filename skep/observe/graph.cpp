// SPDX-License-Identifier: Apache-2.0
//
// The control flow graph of a listing, in the DOT language.
//
// In each function block 0 is the entry and 1 the exit; basic blocks are numbered from 2 in the
// order of their instructions. A block ends at a jump or an exit, and where another jump lands.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "skep/observe/listing.hpp"

namespace skep::observe {

namespace {

constexpr std::uint32_t kEntryBlock = 0;
constexpr std::uint32_t kExitBlock = 1;
constexpr std::uint32_t kFirstBlock = 2;

// Where an instruction goes besides to the next one.
struct Flow {
    bool falls_through = true;
    bool leaves = false;
    std::optional<std::int64_t> target;
};

Flow flow_of(const ListedInsn& listed) {
    const auto decoded = decode(listed.slots, InsnIndex(0));
    const Insn* insn = std::get_if<Insn>(&decoded);
    if (insn == nullptr) {
        return {};
    }
    if (insn->kind == InsnKind::exit) {
        return {.falls_through = false, .leaves = true, .target = {}};
    }
    if (insn->kind == InsnKind::jump || insn->kind == InsnKind::jump_always ||
        insn->kind == InsnKind::may_goto) {
        return {.falls_through = insn->kind != InsnKind::jump_always,
                .leaves = false,
                .target = insn->target(listed.index)};
    }
    return {};
}

std::string escaped(std::string_view text) {
    std::string result;
    for (const char character : text) {
        if (std::string_view("<>{}|&\"").find(character) != std::string_view::npos) {
            result += '\\';
        }
        result += character;
    }
    return result;
}

class FunctionGraph {
  public:
    FunctionGraph(Output& output, std::span<const ListedInsn> insns, std::uint32_t number)
        : output_(output), insns_(insns), number_(number) {
        std::set<std::uint32_t> starts{insns.front().index.value};
        for (std::size_t at = 0; at < insns.size(); ++at) {
            const Flow flow = flow_of(insns[at]);
            const bool ends_block = !flow.falls_through || flow.target.has_value();
            if (ends_block && at + 1 < insns.size()) {
                starts.insert(insns[at + 1].index.value);
            }
            if (flow.target.has_value() && holds(*flow.target)) {
                starts.insert(static_cast<std::uint32_t>(*flow.target));
            }
        }
        std::uint32_t block = kFirstBlock;
        for (const std::uint32_t start : starts) {
            blocks_[start] = block++;
        }
    }

    void print() {
        output_.write(
            fmt::format("subgraph \"cluster_{0}\" {{\n\tstyle=\"dashed\";\n\tcolor=\"black\";\n"
                        "\tlabel=\"func_{0} ()\";\n",
                        number_));
        output_.write(node(kEntryBlock, "Mdiamond", "ENTRY"));
        print_blocks();
        output_.write(node(kExitBlock, "Mdiamond", "EXIT"));
        print_edges();
        output_.write("}\n");
    }

  private:
    // As bpftool draws it: numbers count within the function, a call of another tells its distance.
    static std::string without_name(const std::string& text) {
        constexpr std::string_view kCall = "(85) call pc";
        return text.starts_with(kCall) ? text.substr(0, text.find('#')) : text;
    }

    [[nodiscard]] bool holds(std::int64_t target) const {
        const auto at = std::lower_bound(
            insns_.begin(), insns_.end(), target,
            [](const ListedInsn& insn, std::int64_t index) { return insn.index.value < index; });
        return at != insns_.end() && at->index.value == target;
    }

    [[nodiscard]] std::string node(std::uint32_t block, std::string_view shape,
                                   std::string_view label) const {
        return fmt::format("\tfn_{}_bb_{} [shape={},style=filled,label=\"{}\"];\n\n", number_,
                           block, shape, label);
    }

    void print_blocks() {
        std::string label;
        std::uint32_t block = kFirstBlock;
        for (const ListedInsn& insn : insns_) {
            const auto at = blocks_.find(insn.index.value);
            if (at != blocks_.end() && !label.empty()) {
                output_.write(node(block, "record", "{" + label + "}"));
                label.clear();
            }
            block = at == blocks_.end() ? block : at->second;
            label += fmt::format("{}{:4}: {}\\l\\\n", label.empty() ? "" : " | ",
                                 insn.index.value - insns_.front().index.value,
                                 escaped(without_name(insn.text)));
        }
        output_.write(node(block, "record", "{" + label + "}"));
    }

    void edge(std::uint32_t from, std::uint32_t to, std::string_view style = "solid,bold") {
        const std::string_view weight = style == "invis" ? "" : "color=black, weight=10, ";
        output_.write(fmt::format(
            "\tfn_{0}_bb_{1}:s -> fn_{0}_bb_{2}:n [style=\"{3}\", {4}constraint=true];\n", number_,
            from, to, style, weight));
    }

    void print_edges() {
        edge(kEntryBlock, kFirstBlock);
        std::uint32_t block = kFirstBlock;
        for (std::size_t at = 0; at < insns_.size(); ++at) {
            const auto start = blocks_.find(insns_[at].index.value);
            block = start == blocks_.end() ? block : start->second;
            const Flow flow = flow_of(insns_[at]);
            const bool is_last = at + 1 == insns_.size();
            const auto next = is_last ? blocks_.end() : blocks_.find(insns_[at + 1].index.value);
            if (flow.falls_through && next != blocks_.end()) {
                edge(block, next->second);
            }
            if (flow.target.has_value()) {
                const auto target = blocks_.find(static_cast<std::uint32_t>(*flow.target));
                if (holds(*flow.target) && target != blocks_.end()) {
                    edge(block, target->second);
                }
            }
            if (flow.leaves) {
                edge(block, kExitBlock);
            }
        }
        edge(kEntryBlock, kExitBlock, "invis");
    }

    Output& output_;
    std::span<const ListedInsn> insns_;
    std::uint32_t number_;
    std::map<std::uint32_t, std::uint32_t>
        blocks_; // number of the block that begins at an instruction
};

} // namespace

void print_graph(Output& output, std::span<const ListedInsn> listing,
                 std::span<const std::uint32_t> function_starts) {
    output.write("digraph \"DOT graph for eBPF program\" {\n");
    std::uint32_t number = 0;
    for (std::size_t begin = 0; begin < listing.size();) {
        std::size_t end = begin + 1;
        while (end < listing.size() &&
               std::find(function_starts.begin(), function_starts.end(),
                         listing[end].index.value) == function_starts.end()) {
            ++end;
        }
        FunctionGraph(output, listing.subspan(begin, end - begin), number++).print();
        begin = end;
    }
    output.write("}\n");
}

} // namespace skep::observe
