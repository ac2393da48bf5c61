// SPDX-License-Identifier: Apache-2.0
//
// Session: one run of the command line: its options, where it writes, and the engine it speaks to.
//
// The engine is connected on first use, so that what needs none (help, btf dump of a file) starts
// none. Commands write text through out() or, with -j and -p, values through json(); errors are
// returned, and only report() in dispatch.cpp shows them.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "skep/base/result.hpp"
#include "skep/client/transport.hpp"
#include "skep/observe/json_writer.hpp"
#include "skep/observe/output.hpp"
#include "skep/observe/visible.hpp"

namespace skep::app {

struct Options {
    bool json = false;
    bool pretty = false;
    bool debug = false;
    bool bpffs = false;      // show the pins of what is listed
    bool map_compat = false; // accept map definitions of older loaders
    bool no_mount = false;
    bool use_loader = false;
    bool legacy = false;
    std::optional<std::string> base_btf;
    client::EngineKind engine = client::EngineKind::user;
};

// Standard output or error. What strangers wrote (source lines, names) goes here too: nothing of it
// reaches a terminal as a command.
class FileOutput final : public observe::Output {
  public:
    explicit FileOutput(std::FILE* file) : file_(file) {}
    void write(std::string_view text) override {
        if (observe::is_visible(text)) {
            write_raw(text);
        } else {
            write_raw(observe::visible(text));
        }
    }
    void write_raw(std::string_view text) { std::fwrite(text.data(), 1, text.size(), file_); }

  private:
    std::FILE* file_;
};

class Session {
  public:
    Session(std::string program, Options options);

    // The name that the program was called by: "skep" or "bpftool".
    [[nodiscard]] const std::string& program() const { return program_; }
    [[nodiscard]] bool is_bpftool() const { return program_ == "bpftool"; }
    [[nodiscard]] const Options& options() const { return options_; }

    observe::Output& out() { return out_; }
    observe::Output& err() { return err_; }
    // The JSON writer, or null when plain text is wanted.
    observe::JsonWriter* json() { return options_.json ? &json_ : nullptr; }
    template <class... Arguments>
    void print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        out_.write(fmt::format(format, std::forward<Arguments>(arguments)...));
    }
    // A remark beside the result, never part of it: on standard error.
    template <class... Arguments>
    void remark(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        err_.write(fmt::format(format, std::forward<Arguments>(arguments)...) + "\n");
    }

    // On standard error, in the place of what was said of progress before; empty: nothing.
    void show_progress(const std::string& text) {
        err_.write_raw("\r\x1b[K");
        err_.write(text);
    }

    // The engine that was asked for.
    Result<client::Transport*> engine();

    // How deep batch files may include each other.
    int batch_depth = 0;

  private:
    std::string program_;
    Options options_;
    FileOutput out_{stdout};
    FileOutput err_{stderr};
    observe::JsonWriter json_;
    std::unique_ptr<client::Transport> engine_;
};

} // namespace skep::app
