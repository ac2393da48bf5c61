// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/journey/journey.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/skep/journey/narrator.hpp"
#include "apps/skep/journey/site.hpp"
#include "skep/load/object.hpp"
#include "skep/os/command.hpp"
#include "skep/os/files.hpp"

namespace skep::journey {
namespace {

namespace fs = std::filesystem;

// A folder of the journey's own, which is the working directory until it goes.
class Workplace {
  public:
    static Result<Workplace> make(client::EngineKind engine) {
        std::string name = (fs::temp_directory_path() / "skep-journey-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            return error_from_errno(errno, fmt::format("making {}", name));
        }
        Workplace place(name);
        fs::current_path(name);
        if (engine == client::EngineKind::user) { // an engine of the journey's own
            ::setenv("XDG_RUNTIME_DIR", name.c_str(), 1);
            ::unsetenv("SKEP_BPFFS");
        }
        return place;
    }
    Workplace(Workplace&& other) noexcept
        : folder_(std::exchange(other.folder_, {})), before_(std::move(other.before_)) {}
    Workplace& operator=(Workplace&&) = delete;
    ~Workplace() {
        if (!folder_.empty()) {
            std::error_code ignored;
            fs::current_path(before_, ignored);
            fs::remove_all(folder_, ignored);
        }
    }
    [[nodiscard]] const std::string& folder() const { return folder_; }

  private:
    explicit Workplace(std::string folder)
        : folder_(std::move(folder)), before_(fs::current_path()) {}
    std::string folder_;
    fs::path before_;
};

// What is undone whether the journey ended well or not.
class Cleanup {
  public:
    Cleanup(const Narrator& narrator, client::EngineKind engine)
        : narrator_(narrator), engine_(engine) {}
    Cleanup(const Cleanup&) = delete;
    Cleanup& operator=(const Cleanup&) = delete;
    ~Cleanup() {
        if (engine_ == client::EngineKind::user) {
            static_cast<void>(os::run_command(narrator_.command({"daemon", "stop"})));
        }
    }

  private:
    const Narrator& narrator_;
    client::EngineKind engine_;
};

class Journey {
  public:
    Journey(const Options& options, Narrator& narrator, Site& site)
        : options_(options), narrator_(narrator), site_(site) {}

    Result<void> walk() {
        TRY(compile());
        TRY(find_program());
        TRY(inspect_and_verify());
        TRY(load_and_look());
        TRY(attach_and_watch());
        TRY(look_at_maps());
        return unload();
    }

  private:
    Result<void> compile() {
        const fs::path source(options_.source);
        if (source.extension() == ".o") {
            object_ = source.filename().string();
            fs::copy_file(source, object_);
            return {};
        }
        object_ = source.stem().string() + ".o"; // hello.bpf.c gives hello.bpf.o
        return narrator_.tell({"C to bytecode",
                               "clang compiles the (limited) C into instructions for the eBPF "
                               "virtual machine. -g keeps "
                               "types and lines, which later stages show.",
                               {"build", options_.source, "-o", object_}});
    }

    Result<void> find_program() {
        const ByteVector bytes = TRY(os::read_file(object_));
        const load::ObjectSpec spec = TRY(load::load_object(bytes, object_, {}));
        if (spec.programs.empty()) {
            return fail(
                Code::invalid_input,
                fmt::format(
                    "{} holds no program: a function in a section such as SEC(\"xdp\") is one",
                    object_));
        }
        const ProgramSpec& program = spec.programs.front().spec;
        if (program.type != spec::ProgramType::xdp) {
            return fail(
                Code::unsupported,
                fmt::format(
                    "'{}' is of section '{}': the journey attaches XDP programs; other kinds "
                    "can be built, verified, loaded and run one by one",
                    program.name, program.section));
        }
        name_ = program.name;
        return {};
    }

    Result<void> inspect_and_verify() {
        narrator_.begin("The object file", "An ELF file of machine BPF: sections hold programs, "
                                           "maps and types. Below each C line stand "
                                           "the instructions it became.");
        TRY(narrator_.show({"obj", "show", object_}));
        TRY(narrator_.show({"obj", "dump", object_, "-S"}));
        return narrator_.tell({"The verdict",
                               "Before a program may run, the verifier walks every path through it "
                               "and proves that it ends, reads and "
                               "writes only what it may, and calls only what its type offers.",
                               {"verify", object_}});
    }

    Result<void> load_and_look() {
        const std::string pin = site_.pin(name_);
        TRY(narrator_.tell(
            {"Loading",
             "The program and its maps go into the engine. A pin, a file, keeps them there.",
             {"prog", "load", object_, pin}}));
        const auto info = nlohmann::json::parse(TRY(narrator_.ask({"prog", "show", "pinned", pin})),
                                                nullptr, false);
        if (!info.is_object() || !info.contains("id")) {
            return fail(Code::system, "the engine did not tell the program's id");
        }
        id_ = std::to_string(info["id"].get<std::uint32_t>());
        for (const auto& map : info.value("map_ids", nlohmann::json::array())) {
            maps_.push_back(std::to_string(map.get<std::uint32_t>()));
        }
        narrator_.begin(
            "What is loaded",
            "Every program has a number, a name and a tag, which is a digest of its instructions.");
        TRY(narrator_.show({"prog", "list"}));
        TRY(narrator_.show({"prog", "show", "id", id_, "--pretty"}));
        TRY(narrator_.tell({"The translated bytecode",
                            "The verifier leaves instructions that fit this engine: context fields "
                            "and maps are in place.",
                            {"prog", "dump", "xlated", "id", id_}}));
        return narrator_.tell(
            {"Machine code",
             "The just-in-time compiler turns each instruction into a few of this processor's.",
             {"prog", "dump", "jited", "id", id_},
             60});
    }

    Result<void> attach_and_watch() {
        auto trace =
            TRY(os::BackgroundCommand::start(narrator_.command({"prog", "tracelog"}), "trace.txt"));
        std::this_thread::sleep_for(std::chrono::milliseconds(300)); // until it watches
        narrator_.begin("Attaching to an event", site_.says());
        TRY(narrator_.show({"net", "attach", "xdp", "id", id_, "dev", site_.device()}));
        TRY(site_.let_packets_come(narrator_));
        TRY(narrator_.show({"net", "list"}));
        std::this_thread::sleep_for(std::chrono::milliseconds(200)); // the reader's turn
        trace.stop();
        const ByteVector lines = TRY(os::read_file("trace.txt"));
        narrator_.begin("The trace",
                        lines.empty()
                            ? "This program printed nothing with bpf_printk."
                            : "What the program printed with bpf_printk, one line a packet.");
        if (!lines.empty()) {
            narrator_.quote("skep prog tracelog", std::string(lines.begin(), lines.end()), 12);
        }
        return {};
    }

    Result<void> look_at_maps() {
        narrator_.begin("Maps", maps_.empty() ? "This program has no maps."
                                              : "Maps are shared between the program and everybody "
                                                "else; global variables live in maps too.");
        if (!maps_.empty()) {
            TRY(narrator_.show({"map", "list"}));
        }
        for (const std::string& map : maps_) {
            narrator_.quote_even_when_refused({"map", "dump", "id", map}, 24);
        }
        return {};
    }

    Result<void> unload() {
        narrator_.begin("Detaching and unloading", "Detached, the program still lives by its pin; "
                                                   "when the file goes, so does the program.");
        TRY(narrator_.show({"net", "detach", "xdp", "dev", site_.device()}));
        TRY(narrator_.show({"net", "list"}));
        const std::string file = TRY(site_.pin_file(narrator_, name_));
        const os::CommandResult removed = TRY(os::run_command({"rm", file}));
        narrator_.quote(fmt::format("rm {}", file), removed.output, 4);
        narrator_.quote_even_when_refused({"prog", "show", "id", id_}, 4);
        return {};
    }

    const Options& options_;
    Narrator& narrator_;
    Site& site_;
    std::string object_;
    std::string name_;
    std::string id_;
    std::vector<std::string> maps_;
};

} // namespace

Result<int> walk(const Options& given) {
    Options options = given;
    options.source = TRY(os::absolute_path(given.source));
    TRY(os::open_to_read(options.source));
    const std::string program = TRY(os::own_program());
    const Workplace place = TRY(Workplace::make(options.engine));
    const auto site = TRY(make_site(options.engine, place.folder()));
    const bool on_kernel = options.engine == client::EngineKind::kernel;
    Narrator narrator(program,
                      on_kernel ? std::vector<std::string>{"--engine", "kernel"}
                                : std::vector<std::string>{},
                      options.colour);
    const Cleanup cleanup(narrator, options.engine);
    fmt::print("The journey of {} on the {} engine.\n", given.source,
               on_kernel ? "kernel" : "user");
    const Result<void> walked = Journey(options, narrator, *site).walk();
    if (!walked.ok()) {
        fmt::print(stderr, "\nError: {}\n", walked.error().message);
        return 1;
    }
    fmt::print("\nThe journey ends here: nothing is attached, nothing is loaded.\n");
    return 0;
}

} // namespace skep::journey
