// SPDX-License-Identifier: Apache-2.0
//
// The JSON writer's layouts, letter by letter, and that no bytes make it write broken JSON.
#include "skep/observe/json_writer.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace skep::observe {
namespace {

void write_sample(JsonWriter& json) {
    json.begin_array();
    json.begin_object();
    json.member("id", 7U);
    json.begin_array("map_ids");
    json.value(1U);
    json.value(2U);
    json.end_array();
    json.begin_array("empty");
    json.end_array();
    json.end_object();
    json.begin_object();
    json.member("ok", true);
    json.end_object();
    json.end_array();
}

TEST(JsonWriter, PrettyOpensObjectsOnTheArraysLine) {
    TextOutput output;
    JsonWriter json(output, JsonLayout::pretty);
    write_sample(json);
    EXPECT_EQ(output.text(), "[{\n"
                             "        \"id\": 7,\n"
                             "        \"map_ids\": [1,2\n"
                             "        ],\n"
                             "        \"empty\": []\n"
                             "    },{\n"
                             "        \"ok\": true\n"
                             "    }\n"
                             "]");
}

TEST(JsonWriter, CompactHasNoSpaces) {
    TextOutput output;
    JsonWriter json(output, JsonLayout::compact);
    write_sample(json);
    EXPECT_EQ(output.text(), R"([{"id":7,"map_ids":[1,2],"empty":[]},{"ok":true}])");
}

TEST(JsonWriter, AnyBytesStayValidJson) {
    for (int first = 0; first < 256; ++first) {
        for (const int second : {0x00, 0x22, 0x5c, 0x80, 0xa0, 0xbf, 0xff}) {
            TextOutput output;
            JsonWriter json(output, JsonLayout::compact);
            const char bytes[] = {static_cast<char>(first), static_cast<char>(second), 'x'};
            json.value(std::string_view(bytes, sizeof(bytes)));
            EXPECT_TRUE(nlohmann::json::accept(output.text())) << output.text();
        }
    }
}

TEST(JsonWriter, ClosesWhatIsOpen) {
    TextOutput output;
    JsonWriter json(output, JsonLayout::compact);
    json.begin_object();
    json.begin_array("list");
    json.begin_object();
    json.name("half");
    json.end_document();
    EXPECT_EQ(output.text(), "{\"list\":[{\"half\":null}]}\n");
}

} // namespace
} // namespace skep::observe
