// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/compiler_process.hpp"

#include <array>

#include <fmt/format.h>

#include "skep/base/message_fields.hpp"
#include "skep/os/confined/bounded_run.hpp"
#include "skep/os/process/message_socket.hpp"
#include "skep/os/process/sealed_memory.hpp"
#include "skep/os/process/wait.hpp"
#include "skep/run/optimised/cache.hpp"
#include "skep/run/optimised/image_file.hpp"

namespace skep::run {
namespace {

constexpr std::size_t kLargestJob = 512U << 20;
constexpr std::size_t kLargestImage = 64U << 20;
constexpr std::size_t kLongestText = 4096;
constexpr std::uint64_t kLeastPrivateBytes = 1U << 20;

enum class Answer : std::uint8_t { failed, whole, cut_short };

// A request is the bounds, how to use the cache, and for which build; the job lies beside it.
struct Request {
    CompileBounds bounds;
    CacheUse cache = CacheUse::none;
};

ByteVector encode(const Request& request) {
    ByteWriter out;
    out.write(request.bounds.milliseconds);
    out.write(request.bounds.milliseconds_improving);
    out.write(request.bounds.private_bytes);
    out.write(static_cast<std::uint8_t>(request.cache));
    write_text(out, kOptimiserBuild);
    return out.take();
}

Result<Request> decode_request(Bytes bytes) {
    ByteReader in(bytes);
    Request request;
    request.bounds.milliseconds = TRY(in.read<std::uint32_t>());
    request.bounds.milliseconds_improving = TRY(in.read<std::uint32_t>());
    request.bounds.private_bytes = TRY(in.read<std::uint64_t>());
    const auto cache = TRY(in.read<std::uint8_t>());
    if (TRY(read_text(in, kLongestText)) != kOptimiserBuild || !in.at_end()) {
        return fail(Code::unsupported,
                    fmt::format("{} belongs to another build of skep", kCompilerProgram));
    }
    request.cache = cache == 0 ? CacheUse::none : CacheUse::usual;
    request.bounds.private_bytes = std::max(request.bounds.private_bytes, kLeastPrivateBytes);
    return request;
}

// What a copy answers: which kind of answer, then the image or the error.
ByteVector encode(const Result<Compiled>& compiled) {
    ByteWriter out;
    if (compiled.ok()) {
        out.write(
            static_cast<std::uint8_t>(compiled->was_cut_short ? Answer::cut_short : Answer::whole));
        out.write_bytes(write_image(compiled->image));
    } else {
        out.write(static_cast<std::uint8_t>(Answer::failed));
        write_text(out, std::string_view(compiled.error().message).substr(0, kLongestText));
    }
    return out.take();
}

Result<Compiled> decode_answer(Bytes bytes) {
    ByteReader in(bytes);
    const auto kind = static_cast<Answer>(TRY(in.read<std::uint8_t>()));
    if (kind > Answer::cut_short) {
        return fail(Code::invalid_input, "an answer of no known kind");
    }
    if (kind == Answer::failed) {
        return fail(Code::unsupported, TRY(read_text(in, kLongestText)));
    }
    const Bytes image = TRY(in.read_bytes(in.remaining()));
    return Compiled{TRY(read_image(image)), kind == Answer::cut_short};
}

Result<Compiled> compile_bounded(const Optimiser& compiler, const OptimiserJob& job,
                                 const CompileBounds& bounds) {
    const os::Bounds most{bounds.milliseconds, bounds.private_bytes, kLargestImage};
    const ByteVector answer = TRY_WHILE(
        "the compile", os::run_bounded(most, [&] { return encode(compiler.compile(job)); }));
    return decode_answer(answer);
}

// The compiler, ready for copies of this process to use it.
Result<const Optimiser*> ready_compiler() {
    static const Result<const Optimiser*> ready = []() -> Result<const Optimiser*> {
        const Optimiser* const compiler = TRY(optimiser());
        compiler->warm_up();
        return compiler;
    }();
    return ready;
}

// A cache that cannot be used is none.
Result<Compiled> answer_to(const Request& request, const os::Fd& memory) {
    const Optimiser* const compiler = TRY(ready_compiler());
    const ByteVector bytes = TRY(os::read_sealed_memory(memory, kLargestJob));
    const ReadJob read = TRY(read_job(bytes));
    const OptimiserJob job{.program = read.program,
                           .shapes = read.shapes,
                           .milliseconds_most = request.bounds.milliseconds_improving,
                           .with_lines = read.with_lines};
    if (request.cache == CacheUse::none) {
        return compile_bounded(*compiler, job, request.bounds);
    }
    const Result<ImageCache> cache = ImageCache::open(ImageCache::usual_directory());
    const Sha256Digest key = cache_key(job, optimiser_identity() + compiler->description());
    if (cache.ok()) {
        if (std::optional<jit::Image> kept = cache->find(key); kept.has_value()) {
            return Compiled{*std::move(kept), false};
        }
    }
    Compiled compiled = TRY(compile_bounded(*compiler, job, request.bounds));
    if (cache.ok() && !compiled.was_cut_short) { // what time made worse is not kept
        static_cast<void>(cache->keep(key, compiled.image));
    }
    return compiled;
}

Result<Compiled> answer_to(const os::Message& message) {
    const Request request = TRY(decode_request(message.bytes));
    if (message.fds.size() != 1) {
        return fail(Code::invalid_input, "a job comes in one file");
    }
    return answer_to(request, message.fds.front());
}

} // namespace

Result<void> CompilerLink::send(const OptimiserJob& job, const CompileBounds& bounds,
                                CacheUse cache) {
    const os::Fd memory = TRY(os::make_sealed_memory("skep-job", write_job(job)));
    return os::send_message(socket_, encode(Request{bounds, cache}), {memory.number()});
}

Result<Compiled> CompilerLink::receive(int stop) {
    const std::array<int, 2> fds{socket_.number(), stop};
    std::vector<std::size_t> ready;
    while (ready.empty()) { // a signal came
        ready = TRY(os::wait_readable(fds, -1));
    }
    if (ready.front() != 0) {
        return fail(Code::again, "the compile is not wanted any more");
    }
    const os::Message message = TRY(os::receive_message(socket_, 0));
    if (message.is_end || message.fds.size() != 1) {
        return fail(Code::system, fmt::format("{} ended", kCompilerProgram));
    }
    return decode_answer(TRY(os::read_sealed_memory(message.fds.front(), kLargestImage)));
}

Result<std::pair<os::ServiceProcess, os::Fd>> CompilerProcess::start_with_socket() {
    TRY(optimiser_is_installed());
    auto [ours, theirs] = TRY(os::message_socket_pair());
    os::ServiceProcess process =
        TRY(os::ServiceProcess::start({installed_file(kCompilerProgram)}, theirs));
    return std::pair(std::move(process), std::move(ours));
}

Result<std::unique_ptr<CompilerProcess>> CompilerProcess::start() {
    auto [process, socket] = TRY(start_with_socket());
    return std::unique_ptr<CompilerProcess>(
        new CompilerProcess(std::move(process), std::move(socket)));
}

Result<void> serve_compiler(const os::Fd& socket) {
    while (true) {
        const os::Message message = TRY(os::receive_message(socket));
        if (message.is_end) {
            return {};
        }
        const os::Fd answer = TRY(os::make_sealed_memory("skep-image", encode(answer_to(message))));
        const std::array<std::uint8_t, 1> told{1};
        TRY(os::send_message(socket, told, {answer.number()}));
    }
}

} // namespace skep::run
