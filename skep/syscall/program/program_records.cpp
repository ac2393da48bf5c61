// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/program/program_records.hpp"

#include <algorithm>
#include <cerrno>

namespace skep::syscall {
namespace {

struct RecordShape {
    std::uint32_t count;
    std::uint32_t size_bytes;
    std::uint64_t address;
    std::uint32_t known_bytes;
    std::size_t size_field; // where the known size goes back to
};
constexpr std::uint32_t kLongestRecord = 252;

// The known part of each record, one after the other.
Result<ByteVector> read_records(Call& call, const RecordShape& shape, std::uint32_t limit) {
    if (shape.size_bytes < shape.known_bytes || shape.size_bytes > kLongestRecord ||
        shape.size_bytes % 4 != 0) {
        return answer(EINVAL, "records of a size that cannot be");
    }
    if (shape.count > limit) {
        return answer(EINVAL, "more records than instructions");
    }
    const ByteVector all =
        TRY(call.read_bytes(shape.address, std::uint64_t{shape.count} * shape.size_bytes));
    ByteVector known;
    known.reserve(std::size_t{shape.count} * shape.known_bytes);
    for (std::size_t at = 0; at < all.size(); at += shape.size_bytes) {
        const Bytes record = Bytes(all).subspan(at, shape.size_bytes);
        const Bytes rest = record.subspan(shape.known_bytes);
        if (std::any_of(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; })) {
            TRY(call.put(shape.size_field, shape.known_bytes));
            return answer(E2BIG, "records with a part that this engine does not know");
        }
        known.insert(known.end(), record.begin(), record.begin() + shape.known_bytes);
    }
    return known;
}

Result<void> read_functions(Call& call, const abi::ProgLoadAttr& attr, ProgramRequest& request) {
    const RecordShape shape{attr.func_info_cnt, attr.func_info_rec_size, attr.func_info, 8,
                            offsetof(abi::ProgLoadAttr, func_info_rec_size)};
    const ByteVector bytes = TRY(read_records(call, shape, attr.insn_cnt));
    ByteReader reader(bytes);
    while (!reader.at_end()) {
        FunctionInfo info;
        info.insn = InsnIndex(TRY(reader.read<std::uint32_t>()));
        info.btf_type_id = TRY(reader.read<std::uint32_t>());
        request.spec.functions.push_back(info);
    }
    return {};
}

Result<void> read_lines(Call& call, const abi::ProgLoadAttr& attr, ProgramRequest& request) {
    const RecordShape shape{attr.line_info_cnt, attr.line_info_rec_size, attr.line_info, 16,
                            offsetof(abi::ProgLoadAttr, line_info_rec_size)};
    const ByteVector bytes = TRY(read_records(call, shape, attr.insn_cnt));
    ByteReader reader(bytes);
    while (!reader.at_end()) {
        LineInfo line;
        line.insn = InsnIndex(TRY(reader.read<std::uint32_t>()));
        line.file_name_offset = TRY(reader.read<std::uint32_t>());
        line.line_offset = TRY(reader.read<std::uint32_t>());
        line.line_column = TRY(reader.read<std::uint32_t>());
        request.spec.lines.push_back(line);
    }
    return {};
}

} // namespace

Result<void> read_program_records(Call& call, const abi::ProgLoadAttr& attr,
                                  ProgramRequest& request) {
    if (attr.func_info_cnt == 0 && attr.line_info_cnt == 0) {
        return {};
    }
    auto types = call.object_as<registry::BtfObject>(attr.prog_btf_fd);
    if (!types.ok()) {
        return attr.prog_btf_fd == 0 ? answer(EINVAL, "function or line info without types")
                                     : types.error();
    }
    if ((*types)->from_kernel) {
        return answer(EACCES, "a program cannot use the kernel's own types");
    }
    request.types = std::move(*types);
    if (attr.func_info_cnt != 0) {
        TRY(read_functions(call, attr, request));
    }
    if (attr.line_info_cnt != 0) {
        TRY(read_lines(call, attr, request));
    }
    return {};
}

} // namespace skep::syscall
