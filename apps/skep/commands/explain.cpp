// SPDX-License-Identifier: Apache-2.0
//
// skep explain CODE: what a finding means, why the rule is there, and what to do about it.
#include "apps/skep/command_table.hpp"
#include "skep/verify/explain/codes.hpp"

namespace skep::app {

namespace {

void print_wrapped(Session& session, std::string_view text) {
    constexpr std::size_t kColumns = 80;
    std::size_t column = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string_view word = text.substr(0, end);
        if (column != 0 && column + 1 + word.size() > kColumns) {
            session.print("\n");
            column = 0;
        }
        session.print("{}{}", column == 0 ? "" : " ", word);
        column += (column == 0 ? 0 : 1) + word.size();
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    session.print("\n");
}

Result<void> explain_all(Session& session) {
    if (auto* json = session.json()) {
        json->begin_array();
        for (const verify::FindingRow& row : verify::finding_rows()) {
            json->begin_object();
            json->member("code", row.code);
            json->member("what", row.what);
            json->end_object();
        }
        json->end_array();
        return {};
    }
    for (const verify::FindingRow& row : verify::finding_rows()) {
        session.print("{}  {}\n", row.code, row.what);
    }
    return {};
}

Result<void> explain(Session& session, Words& words) {
    if (words.at_end()) {
        return explain_all(session);
    }
    const std::string code = words.take();
    TRY(words.expect_end());
    const verify::FindingRow* row = verify::find_finding(code);
    if (row == nullptr) {
        return fail(Code::not_found,
                    fmt::format("there is no finding {}; skep explain lists them all", code));
    }
    if (auto* json = session.json()) {
        json->begin_object();
        json->member("code", row->code);
        json->member("name", row->name);
        json->member("what", row->what);
        json->member("explanation", row->explanation);
        json->member("suggestion", row->suggestion);
        json->end_object();
        return {};
    }
    session.print("{}: {}\n\n", row->code, row->what);
    print_wrapped(session, row->explanation);
    session.print("\n");
    print_wrapped(session, fmt::format("What helps: {}.", row->suggestion));
    return {};
}

} // namespace

const Noun& explain_noun() {
    static constexpr Verb row{
        "", "[CODE]", "tells what a finding of verify means and what to do about it", explain};
    static constexpr Noun noun{
        .name = "explain", .says = "The longer story of a finding.", .verbs = {}, .itself = &row};
    return noun;
}

} // namespace skep::app
