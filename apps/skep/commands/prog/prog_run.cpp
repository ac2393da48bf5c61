// SPDX-License-Identifier: Apache-2.0
//
// skep prog run: BPF_PROG_TEST_RUN, with data from files and to files.
#include "apps/skep/commands/prog/prog.hpp"
#include "apps/skep/hex_dump.hpp"
#include "apps/skep/objects.hpp"
#include "skep/os/files.hpp"

namespace skep::app {

namespace {

constexpr std::uint32_t kDefaultRoomBytes = 32U << 10;
constexpr std::uint64_t kMaxDataBytes = 16U << 20;

struct Request {
    std::optional<std::string> data_in, data_out, context_in, context_out;
    std::optional<std::uint32_t> data_room, context_room;
    std::uint32_t repeat = 1;
};

Result<Request> read_request(Words& words) {
    Request request;
    while (!words.at_end()) {
        if (words.take_keyword("data_in")) {
            request.data_in = TRY(words.value("the file"));
        } else if (words.take_keyword("data_out")) {
            request.data_out = TRY(words.value("the file"));
        } else if (words.take_keyword("data_size_out")) {
            request.data_room = TRY(words.number<std::uint32_t>("output data size"));
        } else if (words.take_keyword("ctx_in")) {
            request.context_in = TRY(words.value("the file"));
        } else if (words.take_keyword("ctx_out")) {
            request.context_out = TRY(words.value("the file"));
        } else if (words.take_keyword("ctx_size_out")) {
            request.context_room = TRY(words.number<std::uint32_t>("output context size"));
        } else if (words.take_keyword("repeat")) {
            request.repeat = TRY(words.number<std::uint32_t>("repeat number"));
        } else {
            return fail(
                Code::invalid_input,
                fmt::format(
                    "expected no more arguments, 'data_in', 'data_out', 'data_size_out', 'ctx_in', "
                    "'ctx_out', 'ctx_size_out' or 'repeat', got: {}?",
                    words.shown()));
        }
    }
    if (!request.data_in.has_value() && !request.context_in.has_value()) {
        return fail(Code::invalid_input, "nothing to run on: give data_in FILE or ctx_in FILE");
    }
    return request;
}

Result<ByteVector> read_input(const std::optional<std::string>& file) {
    if (!file.has_value()) {
        return ByteVector();
    }
    Result<ByteVector> bytes = os::read_file(*file, kMaxDataBytes);
    if (!bytes.ok() && bytes.error().code == Code::too_big) {
        return bytes.error();
    }
    if (!bytes.ok()) {
        Error error =
            error_from_errno(errno_of(bytes.error()), fmt::format("failed to open {}", *file));
        error.os_errno = 0; // of reading a file, not of the run: the exit status is 255
        return error;
    }
    return bytes;
}

// On standard output as a dump, or as numbers in JSON; else into the file.
Result<void> show_output(Session& session, std::string_view name,
                         const std::optional<std::string>& file, const ByteVector& bytes) {
    if (!file.has_value() || (*file == "-" && bytes.empty())) {
        return {};
    }
    if (*file != "-") {
        return os::write_file(*file, bytes);
    }
    if (session.json() == nullptr) {
        print_hex_dump(session.out(), bytes);
        return {};
    }
    session.json()->begin_array(name);
    for (const std::uint8_t byte : bytes) {
        session.json()->value(byte);
    }
    session.json()->end_array();
    return {};
}

} // namespace

Result<void> run_program_once(Session& session, Words& words) {
    const os::Fd program = TRY(find_program(session, words));
    const Request request = TRY(read_request(words));
    const ByteVector data = TRY(read_input(request.data_in));
    const ByteVector context = TRY(read_input(request.context_in));
    client::TestRun run{.data_in = data,
                        .context_in = context,
                        .data_out_bytes = 0,
                        .context_out_bytes = 0,
                        .repeat = request.repeat};
    if (request.data_in.has_value()) {
        run.data_out_bytes = request.data_room.value_or(
            std::max(kDefaultRoomBytes, static_cast<std::uint32_t>(data.size())));
    }
    if (request.context_in.has_value() || request.context_out.has_value()) {
        run.context_out_bytes =
            request.context_room.value_or(request.context_in.has_value() ? kDefaultRoomBytes : 0);
    }
    client::Transport* engine = TRY(session.engine());
    const client::TestRunAnswer answer = TRY(client::test_run(*engine, program.number(), run));
    observe::JsonWriter* json = session.json();
    if (json != nullptr) {
        json->begin_object();
    }
    TRY(show_output(session, "data_out", request.data_out, answer.data_out));
    TRY(show_output(session, "ctx_out", request.context_out, answer.context_out));
    if (json != nullptr) {
        json->member("retval", answer.retval);
        json->member("duration", answer.duration_ns);
        json->end_object();
    } else {
        session.print("Return value: {}, duration{}: {}ns\n", answer.retval,
                      request.repeat > 1 ? " (average)" : "", answer.duration_ns);
    }
    return {};
}

} // namespace skep::app
