// SPDX-License-Identifier: Apache-2.0
//
// What a person sees, as it is.
#include "skep/verify/explain/render.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "skep/verify/explain/codes.hpp"

namespace skep::verify {
namespace {

// r1 = *(u16 *)(r2 +36); call bpf_ktime_get_ns; exit
ProgramSpec program() {
    ProgramSpec spec;
    spec.name = "parse";
    Insn load;
    load.kind = InsnKind::load;
    load.size_bytes = 2;
    load.dst = 1;
    load.src = 2;
    load.offset = 36;
    append(spec.insns, load);
    Insn call;
    call.kind = InsnKind::call_helper;
    call.imm = 5;
    append(spec.insns, call);
    append(spec.insns, Insn{});
    return spec;
}

Finding finding() {
    Finding found = refuse(FindingCode::packet_access, 13,
                           "invalid access to packet, off=36 size=2, R2(id=0,off=0,r=34)",
                           "R2 is packet start + 0, and 38 bytes are read");
    found.what = "packet read past the end";
    found.place = {InsnIndex{0}, "prog.c", 41, 12, "    port = tcp->dest;"};
    found.notes.push_back({{InsnIndex{1}, "prog.c", 36, 9, "    if (data + 34 > data_end)"},
                           "34 bytes were proved here"});
    found.path = {{{InsnIndex{1}, "prog.c", 30, 1, ""}, "r1 == 8"},
                  {{InsnIndex{1}, "prog.c", 36, 1, ""}, ""}};
    found.suggestion = "compare data + 38 with data_end before the read";
    return found;
}

TEST(Render, AFindingIsToldWithItsSource) {
    EXPECT_EQ(
        render(program(), finding()),
        "error[E0302]: packet read past the end\n"
        "  --> prog.c:41:12\n"
        "   |\n"
        "41 |     port = tcp->dest;\n"
        "   |            ^\n"
        "   = instruction 0: r1 = *(u16 *)(r2 +36)\n"
        "   = because: R2 is packet start + 0, and 38 bytes are read\n"
        "note: 34 bytes were proved here\n"
        "  --> prog.c:36:9\n"
        "   |\n"
        "36 |     if (data + 34 > data_end)\n"
        "   = instruction 1: call bpf_ktime_get_ns#5\n"
        "   = path: line 30 (r1 == 8) → line 36\n"
        "   = try: compare data + 38 with data_end before the read\n"
        "   = the kernel says: invalid access to packet, off=36 size=2, R2(id=0,off=0,r=34)\n");
}

TEST(Render, WithoutLinesItShowsInstructionsAndSaysWhatWouldHelp) {
    Finding bare = finding();
    bare.place = {InsnIndex{0}, "", 0, 0, ""};
    bare.notes.clear();
    bare.path = {{{InsnIndex{1}, "", 0, 0, ""}, ""}};
    EXPECT_EQ(render(program(), bare),
              "error[E0302]: packet read past the end\n"
              " --> parse, instruction 0: r1 = *(u16 *)(r2 +36)\n"
              "  = because: R2 is packet start + 0, and 38 bytes are read\n"
              "  = path: instruction 1\n"
              "  = try: compare data + 38 with data_end before the read\n"
              "  = the kernel says: invalid access to packet, off=36 size=2, R2(id=0,off=0,r=34)\n"
              "  = built with -g, the object would tell the C line and the names of variables\n");
}

TEST(Render, TheCaretStandsUnderTheColumnAlsoAfterTabs) {
    Finding tabs = finding();
    tabs.place.source = "\tport = 1;";
    tabs.place.column = 2;
    const std::string text = render(program(), tabs);
    EXPECT_NE(text.find("41 |         port = 1;\n   |         ^\n"), std::string::npos) << text;
}

TEST(Render, ItNeverFillsMoreThanAScreen) {
    Finding much = finding();
    much.notes.assign(50, much.notes.front());
    much.path.clear();
    for (std::uint32_t line = 1; line <= 1000; ++line) {
        much.path.push_back({{InsnIndex{1}, "prog.c", line, 1, ""}, ""});
    }
    const std::string text = render(program(), much);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 30);
    EXPECT_NE(text.find("lines left out"), std::string::npos);
    EXPECT_NE(text.find("(994 more)"), std::string::npos);
    EXPECT_NE(text.find("= try: compare"), std::string::npos);
}

TEST(Render, ABranchThatALoopPassesIsToldOnce) {
    Finding looping = finding();
    looping.path.assign(12, looping.path.front());
    EXPECT_NE(render(program(), looping).find("path: line 30 (r1 == 8), 12 times\n"),
              std::string::npos);
}

TEST(Render, ControlCharactersOfAnObjectDoNotReachTheTerminal) {
    Finding hostile = finding();
    hostile.place.source = "x\033[2J\ny";
    hostile.place.file = "a\033b";
    const std::string text = render(program(), hostile);
    EXPECT_EQ(text.find('\033'), std::string::npos);
}

TEST(Render, ColourIsOnlyForThoseWhoWantIt) {
    const std::string text = render(program(), finding(), {.colour = Colour::yes});
    EXPECT_NE(text.find("\033[1;31merror[E0302]\033[0m"), std::string::npos);
}

TEST(Render, AnInstructionOutsideTheProgramIsLeftOut) {
    Finding beyond = finding();
    beyond.place.insn = InsnIndex{99};
    EXPECT_NE(render(program(), beyond).find("instruction 99: \n"), std::string::npos);
}

TEST(Render, EveryKindOfFindingHasAPage) {
    for (const FindingRow& kind : finding_rows()) {
        const Finding found = refuse(kind.id, 13, "kernel line", "why");
        const std::string text = render(program(), found);
        EXPECT_TRUE(
            text.starts_with("error[" + std::string(kind.code) + "]: " + std::string(kind.what)))
            << text;
        EXPECT_NE(text.find(kind.suggestion.substr(0, 40)), std::string::npos) << kind.code;
    }
}

} // namespace
} // namespace skep::verify
