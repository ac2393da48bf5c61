// SPDX-License-Identifier: Apache-2.0
#include "skep/run/optimised/image_file.hpp"

#include <algorithm>

#include "skep/base/sha256.hpp"

namespace skep::run {
namespace {

constexpr std::uint64_t kMagic = 0x3330'4d49'7065'6b73; // "skepIM03"
constexpr std::size_t kDigestBytes = sizeof(Sha256Digest);
constexpr std::size_t kRelocationBytes = 1 + 4 + 4 + 8;
constexpr std::size_t kMarkBytes = 4 + 4;
constexpr std::size_t kHomeBytes = 4 + 1 + 1 + 8 + 8 + 8 + 8;
constexpr std::size_t kShapeBytes = 1 + 4 + 4 + 4 + 8 + 4 + 1 + kHomeBytes;

void write_list(ByteWriter& out, const std::vector<std::uint32_t>& list) {
    out.write(static_cast<std::uint64_t>(list.size()));
    for (const std::uint32_t one : list) {
        out.write(one);
    }
}

Result<std::uint64_t> read_count(ByteReader& in, std::uint64_t bytes_each) {
    const auto count = TRY(in.read<std::uint64_t>());
    if (count > in.remaining() / bytes_each) {
        return fail(Code::invalid_input, "a length exceeds what is there");
    }
    return count;
}

// Where instructions and subprograms begin; one past the end of the code ends such a list.
Result<std::vector<std::uint32_t>> read_offsets(ByteReader& in, std::uint32_t text_bytes) {
    std::vector<std::uint32_t> list(TRY(read_count(in, sizeof(std::uint32_t))));
    for (std::uint32_t& one : list) {
        one = TRY(in.read<std::uint32_t>());
        if (one > text_bytes) {
            return fail(Code::invalid_input, "an instruction lies where no code is");
        }
    }
    return list;
}

// Addresses lie in a table behind the instructions.
bool is_sound(const jit::Relocation& one, const jit::Image& image) {
    const std::size_t size = image.code.size();
    if (size < sizeof(std::uint64_t) || one.offset > size - sizeof(std::uint64_t) ||
        one.offset < image.text_bytes) {
        return false;
    }
    switch (one.referent) {
    case jit::Referent::routine:
        return one.index < static_cast<std::uint32_t>(jit::Routine::count_);
    case jit::Referent::lookup_function:
        return one.addend <= static_cast<std::uint64_t>(maps::KeyPieces::bytes);
    case jit::Referent::home_lane:
        return one.addend <= static_cast<std::uint64_t>(maps::HomeLanePart::secret_high);
    case jit::Referent::map:
    case jit::Referent::map_value:
    case jit::Referent::helper:
        return true; // what it is bound to is asked then
    }
    return false;
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

void write_home(ByteWriter& out, const maps::HomeLanes::Shape& home) {
    out.write(home.lanes);
    out.write(static_cast<std::uint8_t>(home.marks));
    out.write(static_cast<std::uint8_t>(home.per_cpu));
    out.write(home.stride_bytes);
    out.write(home.value_at);
    out.write(home.cpu_value_bytes);
    out.write(home.cpu_stride_bytes);
}

Result<maps::HomeLanes::Shape> read_home(ByteReader& in) {
    maps::HomeLanes::Shape home;
    home.lanes = TRY(in.read<std::uint32_t>());
    home.marks = TRY(in.read<std::uint8_t>()) != 0;
    home.per_cpu = TRY(in.read<std::uint8_t>()) != 0;
    home.stride_bytes = TRY(in.read<std::uint64_t>());
    home.value_at = TRY(in.read<std::uint64_t>());
    home.cpu_value_bytes = TRY(in.read<std::uint64_t>());
    home.cpu_stride_bytes = TRY(in.read<std::uint64_t>());
    return home;
}

} // namespace

// The contents, then their digest.
ByteVector write_image(const jit::Image& image) {
    ByteWriter out;
    out.write(kMagic);
    out.write(static_cast<std::uint64_t>(image.code.size()));
    out.write_bytes(image.code);
    out.write(image.text_bytes);
    out.write(image.entry_offset);
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
    const std::size_t size = image.code.size();
    bool fits = image.text_bytes <= size && image.entry_offset < image.text_bytes;
    image.relocations.resize(TRY(read_count(in, kRelocationBytes)));
    for (jit::Relocation& one : image.relocations) {
        const auto referent = TRY(in.read<std::uint8_t>());
        one.referent = static_cast<jit::Referent>(referent);
        one.offset = TRY(in.read<std::uint32_t>());
        one.index = TRY(in.read<std::uint32_t>());
        one.addend = TRY(in.read<std::uint64_t>());
        fits = fits && is_sound(one, image);
    }
    image.insn_offsets = TRY(read_offsets(in, image.text_bytes));
    image.subprogram_offsets = TRY(read_offsets(in, image.text_bytes));
    image.marks = TRY(read_marks(in, image.text_bytes));
    if (!fits || !in.at_end()) {
        return fail(Code::invalid_input, "something lies outside the code");
    }
    return image;
}

ByteVector write_job(const OptimiserJob& job) {
    ByteWriter out;
    out.write(static_cast<std::uint64_t>(job.shapes.size()));
    for (const jit::MapShape& shape : job.shapes) {
        out.write(static_cast<std::uint8_t>(shape.way));
        out.write(shape.map_index);
        out.write(shape.entries);
        out.write(shape.stride_bytes);
        out.write(shape.cpu_stride_bytes);
        out.write(shape.key_bytes);
        out.write(static_cast<std::uint8_t>(shape.key_pieces));
        write_home(out, shape.home);
    }
    out.write(static_cast<std::uint8_t>(job.with_lines));
    out.write_bytes(job.program.encode());
    return out.take();
}

Result<ReadJob> read_job(Bytes bytes) {
    ByteReader in(bytes);
    std::vector<jit::MapShape> shapes(TRY(read_count(in, kShapeBytes)));
    for (jit::MapShape& shape : shapes) {
        const auto way = TRY(in.read<std::uint8_t>());
        shape.map_index = TRY(in.read<std::uint32_t>());
        shape.entries = TRY(in.read<std::uint32_t>());
        shape.stride_bytes = TRY(in.read<std::uint32_t>());
        shape.cpu_stride_bytes = TRY(in.read<std::uint64_t>());
        shape.key_bytes = TRY(in.read<std::uint32_t>());
        const auto pieces = TRY(in.read<std::uint8_t>());
        if (way > static_cast<std::uint8_t>(jit::LookupWay::in_place) ||
            pieces > static_cast<std::uint8_t>(maps::KeyPieces::bytes)) {
            return fail(Code::invalid_input, "a map of no known shape");
        }
        shape.way = static_cast<jit::LookupWay>(way);
        shape.key_pieces = static_cast<maps::KeyPieces>(pieces);
        shape.home = TRY(read_home(in));
    }
    const bool with_lines = TRY(in.read<std::uint8_t>()) != 0;
    const Bytes rest = TRY(in.read_bytes(in.remaining()));
    verify::VerifiedProgram program = TRY(verify::VerifiedProgram::decode(rest));
    if (shapes.size() > program.maps().size()) {
        return fail(Code::invalid_input, "more shapes than maps");
    }
    return ReadJob{std::move(program), std::move(shapes), with_lines};
}

} // namespace skep::run
