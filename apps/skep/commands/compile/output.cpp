// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/commands/compile/output.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "skep/os/command.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

namespace fs = std::filesystem;

// The same file, however it is spelled: by its number, not by its name.
bool is_same_file(const std::string& one, const std::string& other) {
    std::error_code not_there;
    return fs::equivalent(one, other, not_there) && !not_there;
}

Result<void> check_header_place(const std::string& header) {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(header, ignored))) {
        return {};
    }
    ByteVector beginning;
    if (fs::is_regular_file(header, ignored)) {
        beginning = TRY(os::read_file(header));
    }
    const std::string text(beginning.begin(), beginning.end());
    if (!text.starts_with(kHeaderBeginning)) {
        return fail(Code::invalid_input,
                    fmt::format("the header would be {}, which is there already and which skep "
                                "compile did not write: choose another name with -o, or move it "
                                "away",
                                header));
    }
    return {};
}

// A file beside its place; gone again when it was not put there.
class Draft {
  public:
    explicit Draft(std::string place) : place_(std::move(place)) {
        std::error_code ignored;
        if (fs::is_symlink(place_, ignored)) { // what it leads to is written, as others do
            const fs::path meant = fs::weakly_canonical(place_, ignored);
            place_ = ignored ? place_ : meant.string();
        }
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        std::error_code ignored;
        if (!path_.empty()) {
            fs::remove(path_, ignored);
        }
    }

    Result<void> write(Bytes bytes) {
        constexpr int kTries = 100; // as many may be at work in one folder, or have been stopped
        for (int i = 0; path_.empty(); ++i) {
            const std::string path = fmt::format("{}.part{}", place_, i);
            const auto made = os::create_new(path);
            if (made.ok()) {
                path_ = path;
            } else if (i == kTries || !fs::exists(path)) {
                return made.error();
            }
        }
        return os::write_file(path_, bytes);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

    Result<void> put_in_place() {
        std::error_code why;
        fs::rename(path_, place_, why);
        if (why) {
            return error_from_errno(why.value(), fmt::format("writing {}", place_));
        }
        path_.clear();
        return {};
    }

  private:
    std::string place_, path_;
};

// The object as a shared library, by a linker that knows the target.
Result<void> link_shared(const std::string& object, const std::string& library,
                         const Linking& linking) {
    std::vector<std::vector<std::string>> ways{{"ld.lld"}, {"ld.lld-19"}};
    if (linking.by_this_machine) {
        ways.push_back({"ld"});
    }
    std::string said;
    for (std::vector<std::string> words : ways) {
        for (const char* word :
             {"-shared", "-z", "noexecstack", "-z", "relro", "--no-undefined-version", "-o"}) {
            words.emplace_back(word);
        }
        words.push_back(library);
        words.push_back(object);
        const auto linked = os::run_command(words);
        if (linked.ok() && linked->exit_status == 0) {
            return {};
        }
        said += linked.ok() ? linked->output : "";
    }
    return fail(Code::unsupported,
                fmt::format("no linker made a library for {} of it (ld.lld, from the package lld, "
                            "links for both targets): {}\n'-o NAME.o' needs none",
                            linking.target, said.empty() ? "none is installed" : said));
}

} // namespace

Result<OutputNames> output_names(const std::string& code, const std::string& source) {
    if (!code.ends_with(".o") && !code.ends_with(".so")) {
        return fail(Code::invalid_input,
                    fmt::format("'{}' says not what to write: a name that ends in .o (an object to "
                                "be linked) or in .so (a shared library)",
                                code));
    }
    OutputNames names{code, fs::path(code).replace_extension(".h").string()};
    for (const std::string& place : {names.code, names.header}) {
        std::error_code ignored;
        if (is_same_file(place, source)) {
            return fail(
                Code::invalid_input,
                fmt::format("{} would overwrite the file that it is made of: choose another name "
                            "with -o",
                            place));
        }
        if (fs::is_directory(place, ignored)) {
            return fail(Code::invalid_input, fmt::format("{} is a directory", place));
        }
    }
    TRY(check_header_place(names.header));
    return names;
}

Result<void> write_output(const OutputNames& names, Bytes object, std::string_view header,
                          const Linking& linking) {
    Draft code(names.code);
    Draft text(names.header);
    Draft library(names.code);
    TRY(code.write(object));
    TRY(text.write(ByteVector(header.begin(), header.end())));
    const bool links = names.code.ends_with(".so");
    if (links) {
        TRY(library.write({}));
        TRY(link_shared(code.path(), library.path(), linking));
    }
    TRY(check_header_place(names.header)); // compiling takes long enough to write one by hand
    TRY(text.put_in_place());
    return (links ? library : code).put_in_place();
}

} // namespace skep::app
