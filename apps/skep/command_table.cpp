// SPDX-License-Identifier: Apache-2.0
//
// The nouns in order, the words of the grammar, the options.
#include "apps/skep/command_table.hpp"

#include <array>

namespace skep::app {

std::span<const Noun* const> nouns() {
    static const std::array all{
        &help_noun(),
        &batch_noun(),
        &prog_noun(),
        &map_noun(),
        &link_noun(),
        &net_noun(),
        &btf_noun(),
        // cgroup, perf, feature, gen, struct_ops and iter have their places here once they are
        // built: dispatch.cpp keeps their names, so that a prefix never changes its meaning.
        &version_noun(),
        // skep's own.
        &build_noun(),
        &obj_noun(),
        &verify_noun(),
        &explain_noun(),
        &run_noun(),
        &compile_noun(),
        &journey_noun(),
        &pin_noun(),
        &daemon_noun(),
    };
    return all;
}

std::span<const Term> terms() {
    // clang-format off
    static constexpr std::array all{
        Term{"PROG", "{ id PROG_ID | pinned FILE | tag PROG_TAG | name PROG_NAME }"},
        Term{"MAP", "{ id MAP_ID | pinned FILE | name MAP_NAME }"},
        Term{"LINK", "{ id LINK_ID | pinned FILE }"},
        Term{"DATA", "{ [hex] BYTES }"},
        Term{"BYTES", "a number for each byte, 10 0x1f; all hexadecimal after hex"},
        Term{"OBJ", "an object file that a compiler made for BPF"},
        Term{"PATH", "a path below /sys/fs/bpf, which for the user engine is 'skep pin dir'"},
        Term{"VALUE", "{ DATA | MAP | PROG }"},
        Term{"UPDATE_FLAGS", "{ any | exist | noexist }"},
        Term{"DEVICE", "a network interface; with the user engine also pcap:IN[,OUT] or tap:NAME"},
        Term{"XDP_ATTACH", "{ xdp | xdpgeneric | xdpdrv | xdpoffload }"},
        Term{"BTF_SRC", "{ id BTF_ID | prog PROG | map MAP [{ key | value | kv | all }] | file FILE }"},
        Term{"FORMAT", "{ raw | c }"},
    };
    // clang-format on
    return all;
}

std::span<const Option> option_rows() {
    // clang-format off
    static constexpr std::array all{
        Option{'j', "json", "", "print JSON", [](Options& o, std::string_view) { o.json = true; }},
        Option{'p', "pretty", "", "print JSON for people", [](Options& o, std::string_view) { o.json = o.pretty = true; }},
        Option{'d', "debug", "", "show the loader's and the verifier's work", [](Options& o, std::string_view) { o.debug = true; }},
        Option{'f', "bpffs", "", "show where listed objects are pinned", [](Options& o, std::string_view) { o.bpffs = true; }},
        Option{'m', "mapcompat", "", "accept map definitions with unknown trailing fields", [](Options& o, std::string_view) { o.map_compat = true; }},
        Option{'n', "nomount", "", "never mount a BPF file system", [](Options& o, std::string_view) { o.no_mount = true; }},
        Option{'L', "use-loader", "", "accepted for bpftool's sake: objects are always loaded directly", [](Options& o, std::string_view) { o.use_loader = true; }},
        Option{'l', "legacy", "", "accepted for bpftool's sake: objects are read leniently anyway", [](Options& o, std::string_view) { o.legacy = true; }},
        Option{'B', "base-btf", "FILE", "the BTF that a split BTF builds on", [](Options& o, std::string_view v) { o.base_btf = v; }},
        Option{0, "engine", "{ user | kernel }", "which engine does the work (else SKEP_ENGINE, else user)", nullptr},
        Option{'V', "version", "", "print the version", nullptr},
        Option{'h', "help", "", "print help", nullptr},
    };
    // clang-format on
    return all;
}

} // namespace skep::app
