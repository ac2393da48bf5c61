// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/cache.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "skep/os/files.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/sharing/owner_lock.hpp"
#include "skep/os/storage/private_directory.hpp"

namespace skep::run {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMagic = 0x3230'4d49'7065'6b73; // "skepIM02"
constexpr std::uint64_t kImageMost = 16U << 20;
constexpr std::size_t kDigestBytes = sizeof(Sha256Digest);
constexpr std::size_t kRelocationBytes = 1 + 4 + 4 + 8;
constexpr std::size_t kMarkBytes = 4 + 4;

void write_list(ByteWriter& out, const std::vector<std::uint32_t>& list) {
    out.write(static_cast<std::uint64_t>(list.size()));
    for (const std::uint32_t one : list) {
        out.write(one);
    }
}

// The contents, then their digest.
ByteVector written(const jit::Image& image) {
    ByteWriter out;
    out.write(kMagic);
    out.write(static_cast<std::uint64_t>(image.code.size()));
    out.write_bytes(image.code);
    out.write(image.text_bytes);
    out.write(image.entry_offset);
    out.write(image.callback_offset);
    out.write(static_cast<std::uint64_t>(image.relocations.size()));
    for (const jit::Relocation& one : image.relocations) {
        out.write(static_cast<std::uint8_t>(one.referent));
        out.write(one.offset);
        out.write(one.index);
        out.write(one.addend);
    }
    write_list(out, image.insn_offsets);
    write_list(out, image.subprogram_offsets);
    out.write(static_cast<std::uint64_t>(image.marks.size()));
    for (const jit::CodeMark& mark : image.marks) {
        out.write(mark.offset);
        out.write(mark.insn);
    }
    const Sha256Digest digest = sha256(out.bytes());
    out.write_bytes(digest);
    return out.take();
}

Result<std::uint64_t> read_count(ByteReader& in, std::uint64_t bytes_each) {
    const auto count = TRY(in.read<std::uint64_t>());
    if (count > in.remaining() / bytes_each) {
        return fail(Code::invalid_input, "a length exceeds what is there");
    }
    return count;
}

Result<std::vector<std::uint32_t>> read_list(ByteReader& in) {
    std::vector<std::uint32_t> list(TRY(read_count(in, sizeof(std::uint32_t))));
    for (std::uint32_t& one : list) {
        one = TRY(in.read<std::uint32_t>());
    }
    return list;
}

// Rising and within the instructions: they are searched by halving.
Result<std::vector<jit::CodeMark>> read_marks(ByteReader& in, std::uint32_t text_bytes) {
    std::vector<jit::CodeMark> marks(TRY(read_count(in, kMarkBytes)));
    std::uint32_t least = 0;
    for (jit::CodeMark& mark : marks) {
        mark.offset = TRY(in.read<std::uint32_t>());
        mark.insn = TRY(in.read<std::uint32_t>());
        if (mark.offset < least || mark.offset >= text_bytes) {
            return fail(Code::invalid_input, "a mark lies where no code is");
        }
        least = mark.offset;
    }
    return marks;
}

Result<jit::Image> read_image(Bytes file) {
    if (file.size() < kDigestBytes) {
        return fail(Code::invalid_input, "shorter than a digest");
    }
    const Bytes contents = file.first(file.size() - kDigestBytes);
    const Sha256Digest digest = sha256(contents);
    if (!std::ranges::equal(digest, file.last(kDigestBytes))) {
        return fail(Code::invalid_input, "the contents are not what was written");
    }
    ByteReader in(contents);
    if (TRY(in.read<std::uint64_t>()) != kMagic) {
        return fail(Code::invalid_input, "no image");
    }
    jit::Image image;
    const std::uint64_t code_bytes = TRY(read_count(in, 1));
    const Bytes code = TRY(in.read_bytes(code_bytes));
    image.code.assign(code.begin(), code.end());
    image.text_bytes = TRY(in.read<std::uint32_t>());
    image.entry_offset = TRY(in.read<std::uint32_t>());
    image.callback_offset = TRY(in.read<std::uint32_t>());
    const std::size_t size = image.code.size();
    bool fits = image.text_bytes <= size && image.entry_offset < image.text_bytes &&
                image.callback_offset < image.text_bytes;
    image.relocations.resize(TRY(read_count(in, kRelocationBytes)));
    for (jit::Relocation& one : image.relocations) {
        const auto referent = TRY(in.read<std::uint8_t>());
        one.referent = static_cast<jit::Referent>(referent);
        one.offset = TRY(in.read<std::uint32_t>());
        one.index = TRY(in.read<std::uint32_t>());
        one.addend = TRY(in.read<std::uint64_t>());
        fits = fits && one.referent <= jit::Referent::routine && size >= sizeof(std::uint64_t) &&
               one.offset <= size - sizeof(std::uint64_t) &&
               (one.referent != jit::Referent::routine ||
                one.index < static_cast<std::uint32_t>(jit::Routine::count_));
    }
    image.insn_offsets = TRY(read_list(in));
    image.subprogram_offsets = TRY(read_list(in));
    image.marks = TRY(read_marks(in, image.text_bytes));
    if (!fits || !in.at_end()) {
        return fail(Code::invalid_input, "something lies outside the code");
    }
    return image;
}

// As path_of and keep name them: a digest, ".image", and more while it is being written.
bool is_ours(const std::string& name) {
    constexpr std::size_t kDigits = 2 * kDigestBytes;
    return name.size() > kDigits && name.find_first_not_of("0123456789abcdef") == kDigits &&
           name.compare(kDigits, 6, ".image") == 0;
}

struct Kept {
    fs::path path;
    fs::file_time_type when;
    std::uint64_t bytes = 0;
};

} // namespace

Sha256Digest cache_key(const OptimiserJob& job, std::string_view compiler) {
    ByteWriter all;
    const auto text = [&](std::string_view one) {
        all.write(static_cast<std::uint64_t>(one.size()));
        all.write_bytes({reinterpret_cast<const std::uint8_t*>(one.data()), one.size()});
    };
    text(kOptimiserBuild);
    text(compiler);
    all.write(static_cast<std::uint64_t>(job.shapes.size()));
    for (const jit::MapShape& shape : job.shapes) {
        all.write(static_cast<std::uint8_t>(shape.way));
        all.write(shape.map_index);
        all.write(shape.entries);
        all.write(shape.stride_bytes);
        all.write(shape.cpu_stride_bytes);
    }
    all.write(static_cast<std::uint8_t>(job.with_lines));
    all.write_bytes(job.program.encode()); // instructions, facts, maps, flags, type
    return sha256(all.bytes());
}

std::string ImageCache::usual_directory() {
    if (std::string named = os::environment_variable("SKEP_CACHE"); !named.empty()) {
        return named;
    }
    if (const std::string cache = os::environment_variable("XDG_CACHE_HOME"); !cache.empty()) {
        return cache + "/skep";
    }
    const std::string home = os::environment_variable("HOME");
    return home.empty() ? "" : home + "/.cache/skep";
}

Result<ImageCache> ImageCache::open(const std::string& directory) {
    if (directory.empty()) {
        return fail(Code::not_found, "there is no place for a cache: HOME is not set");
    }
    TRY_WHILE("the cache of machine code",
              os::ensure_private_directory(directory, os::Parent::make));
    return ImageCache(directory);
}

std::string ImageCache::path_of(const Sha256Digest& key) const {
    std::string name;
    for (const std::uint8_t byte : key) {
        name += fmt::format("{:02x}", byte);
    }
    return fmt::format("{}/{}.image", directory_, name);
}

std::optional<jit::Image> ImageCache::find(const Sha256Digest& key) const {
    const std::string path = path_of(key);
    const Result<ByteVector> file = os::read_file(path, kImageMost);
    if (!file.ok()) {
        return std::nullopt;
    }
    Result<jit::Image> image = read_image(*file);
    if (!image.ok()) {
        std::error_code gone_already;
        fs::remove(path, gone_already);
        return std::nullopt;
    }
    return std::move(image).value();
}

Result<void> ImageCache::keep(const Sha256Digest& key, const jit::Image& image) const {
    const ByteVector bytes = written(image);
    if (bytes.size() > kImageMost) {
        return fail(Code::too_big, "the image is too large to be kept");
    }
    make_room(bytes.size());
    const std::string path = path_of(key);
    const std::string unfinished = fmt::format("{}.{:016x}", path, os::random_number());
    TRY(os::write_file(unfinished, bytes));
    std::error_code problem;
    fs::rename(unfinished, path, problem);
    if (problem) {
        fs::remove(unfinished, problem);
        return fail(Code::system, "the image cannot be kept: " + problem.message());
    }
    return {};
}

// Another process may be doing the same: what it removed is gone, and no harm.
void ImageCache::make_room(std::uint64_t bytes) const {
    std::vector<Kept> all;
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(directory_, problem)) {
        Kept one{entry.path(), entry.last_write_time(problem), entry.file_size(problem)};
        if (!problem && entry.is_regular_file(problem) && is_ours(one.path.filename().string())) {
            bytes += one.bytes;
            all.push_back(std::move(one));
        }
    }
    std::ranges::sort(all, {}, &Kept::when);
    std::size_t files = all.size() + 1;
    for (const Kept& oldest : all) {
        if (bytes <= kBytesMost && files <= kFilesMost) {
            return;
        }
        fs::remove(oldest.path, problem);
        bytes -= oldest.bytes;
        --files;
    }
}

} // namespace skep::run
