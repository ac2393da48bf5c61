// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/compile/output.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skep::app {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class CompileOutput : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "skep-test-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
        write("source.bpf.o", "source");
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string at(const std::string& name) { return (folder_ / name).string(); }
    void write(const std::string& name, const std::string& text) {
        std::ofstream(at(name)) << text;
    }
    std::string read(const std::string& name) {
        std::ostringstream text;
        text << std::ifstream(at(name)).rdbuf();
        return text.str();
    }
    std::size_t files() {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }
    std::string refusal(const std::string& code) {
        const auto names = output_names(at(code), at("source.bpf.o"));
        return names.ok() ? "" : names.error().message;
    }

    fs::path folder_;
    ByteVector object_{'c', 'o', 'd', 'e'};
    std::string header_ = std::string(kHeaderBeginning) + " from source */\n";
};

TEST_F(CompileOutput, WritesBothFilesAndNothingElse) {
    const auto names = output_names(at("a.o"), at("source.bpf.o"));
    ASSERT_TRUE(names.ok()) << names.error().message;
    ASSERT_TRUE(write_output(*names, object_, header_, {"x86-64", true}).ok());
    EXPECT_EQ(read("a.o"), "code");
    EXPECT_EQ(read("a.h"), header_);
    EXPECT_EQ(files(), 3U);
    EXPECT_EQ(refusal("a.o"), "") << "its own header may be written again";
}

TEST_F(CompileOutput, TheSourceIsKnownUnderEveryNameItHas) {
    fs::create_symlink(at("source.bpf.o"), at("link.o"));
    fs::create_hard_link(at("source.bpf.o"), at("hard.o"));
    fs::create_directory(at("sub"));
    for (const char* name :
         {"source.bpf.o", "./source.bpf.o", "sub/../source.bpf.o", "link.o", "hard.o"}) {
        EXPECT_THAT(refusal(name), HasSubstr("overwrite the file that it is made of")) << name;
    }
}

TEST_F(CompileOutput, ASourceThatIsNamedLikeTheHeaderIsNotOverwritten) {
    fs::rename(at("source.bpf.o"), at("odd.h"));
    const auto names = output_names(at("odd.o"), at("odd.h"));
    ASSERT_FALSE(names.ok());
    EXPECT_THAT(names.error().message, HasSubstr("overwrite the file that it is made of"));
}

TEST_F(CompileOutput, AHeaderOfSomebodyElseStays) {
    write("mine.h", "int mine;\n");
    EXPECT_THAT(refusal("mine.o"), HasSubstr("skep compile did not write"));
    EXPECT_THAT(refusal("mine.so"), HasSubstr("choose another name with -o"));
    fs::create_directory(at("folder.h"));
    EXPECT_THAT(refusal("folder.o"), HasSubstr("is a directory"));
    fs::create_symlink("nowhere", at("dangling.h"));
    EXPECT_THAT(refusal("dangling.o"), HasSubstr("skep compile did not write"));
}

TEST_F(CompileOutput, AHeaderThatCameWhileItCompiledStaysToo) {
    const auto names = output_names(at("a.o"), at("source.bpf.o"));
    ASSERT_TRUE(names.ok());
    write("a.h", "int mine;\n");
    write("a.o", "mine");
    const auto written = write_output(*names, object_, header_, {"x86-64", true});
    ASSERT_FALSE(written.ok());
    EXPECT_THAT(written.error().message, HasSubstr("skep compile did not write"));
    EXPECT_EQ(read("a.h"), "int mine;\n");
    EXPECT_EQ(read("a.o"), "mine");
    EXPECT_EQ(files(), 3U);
}

TEST_F(CompileOutput, AnEndingSaysWhatIsWanted) {
    EXPECT_THAT(refusal("a.txt"), HasSubstr("a name that ends in .o"));
}

TEST_F(CompileOutput, AFailedLinkLeavesWhatWasThere) {
    write("old.so", "old library");
    write("old.h", header_ + "old");
    const auto names = output_names(at("old.so"), at("source.bpf.o"));
    ASSERT_TRUE(names.ok()) << names.error().message;
    const auto written = write_output(*names, object_, header_, {"arm64", false}); // no ELF at all
    ASSERT_FALSE(written.ok());
    EXPECT_THAT(written.error().message, HasSubstr("no linker made a library"));
    EXPECT_EQ(read("old.so"), "old library");
    EXPECT_EQ(read("old.h"), header_ + "old");
    EXPECT_EQ(files(), 3U);
}

TEST_F(CompileOutput, AFolderThatIsNotThereIsAnErrorThatNamesTheFile) {
    const auto names = output_names(at("nowhere/a.o"), at("source.bpf.o"));
    ASSERT_TRUE(names.ok());
    const auto written = write_output(*names, object_, header_, {"x86-64", true});
    ASSERT_FALSE(written.ok());
    EXPECT_THAT(written.error().message, HasSubstr("nowhere/a.o"));
}

TEST_F(CompileOutput, ALinkLeadsToWhatIsWritten) {
    fs::create_directory(at("real"));
    write("real/a.o", "old");
    fs::create_symlink("real/a.o", at("a.o"));
    const auto names = output_names(at("a.o"), at("source.bpf.o"));
    ASSERT_TRUE(names.ok());
    ASSERT_TRUE(write_output(*names, object_, header_, {"x86-64", true}).ok());
    EXPECT_EQ(read("real/a.o"), "code");
    EXPECT_TRUE(fs::is_symlink(at("a.o")));
}

} // namespace
} // namespace skep::app
