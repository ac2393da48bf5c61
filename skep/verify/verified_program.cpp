// SPDX-License-Identifier: Apache-2.0
//
// A VerifiedProgram as bytes: how the control process hands programs to its workers.
//
// Each record lists its fields once, in `fields`, for a Writer and for a Reader alike, so that the
// two cannot disagree. Numbers are little-endian, lists and texts carry their length before them.
//
// Reading checks everything that can be checked without proving the program again: that lengths fit
// into what is there before memory is taken, that enumerations and flags have values that exist,
// that instructions decode, that indexes lie inside what they index, and that nothing is left over.
// What it cannot check is the proof itself: the bytes come through sealed memory from a process of
// the same build that verified the program, and that is the reason to believe them.
//
// Proved by: verified_program_test.cpp (round trips, truncations, every byte changed).
#include "skep/verify/verified_program.hpp"

#include <type_traits>

#include <fmt/format.h>

#include "skep/verify/verified_program_maker.hpp"

namespace skep::verify {
namespace {

constexpr std::uint64_t kMagic = 0x3130'5056'7065'6b73; // "skepVP01"
constexpr unsigned kMaxInnerDepth = 2;                  // maps of maps hold plain maps

template <class T>
concept Plain = std::is_integral_v<T> || std::is_enum_v<T>;

class Writer {
  public:
    template <Plain T>
    void operator()(const T& value) {
        if constexpr (std::is_enum_v<T>) {
            out_.write(static_cast<std::underlying_type_t<T>>(value));
        } else if constexpr (std::is_same_v<T, bool>) {
            out_.write(static_cast<std::uint8_t>(value));
        } else {
            out_.write(value);
        }
    }
    void operator()(const std::string& text) {
        out_.write(static_cast<std::uint64_t>(text.size()));
        out_.write_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }
    template <class T>
    void operator()(const std::optional<T>& value) {
        (*this)(value.has_value());
        (*this)(value.value_or(T{}));
    }
    template <class T>
    void operator()(const std::vector<T>& list) {
        out_.write(static_cast<std::uint64_t>(list.size()));
        for (const T& item : list) {
            (*this)(item);
        }
    }
    void operator()(const std::shared_ptr<const spec::MapSpec>& inner) {
        (*this)(inner != nullptr);
        if (inner != nullptr) {
            (*this)(*inner);
        }
    }
    template <class T>
    void operator()(const T& record) {
        fields(*this, record);
    }

    ByteVector take() { return out_.take(); }

  private:
    ByteWriter out_;
};

// After the first thing that is wrong it reads nothing more; finish() says what it was.
class Reader {
  public:
    explicit Reader(Bytes bytes) : in_(bytes) {}

    template <Plain T>
    void operator()(T& value) {
        if constexpr (std::is_enum_v<T>) {
            std::underlying_type_t<T> number{};
            (*this)(number);
            value = static_cast<T>(number);
            check(is_known(value), "an enumeration has no such value");
        } else if constexpr (std::is_same_v<T, bool>) {
            std::uint8_t number = 0;
            (*this)(number);
            check(number <= 1, "a flag is neither 0 nor 1");
            value = number == 1;
        } else {
            keep(in_.read<T>(), value);
        }
    }
    void operator()(std::string& text) {
        Bytes bytes;
        keep(in_.read_bytes(count(1)), bytes);
        text.assign(bytes.begin(), bytes.end());
    }
    template <class T>
    void operator()(std::optional<T>& value) {
        bool present = false;
        T held{};
        (*this)(present);
        (*this)(held);
        value = present ? std::optional<T>(held) : std::nullopt;
        check(present || held == T{}, "an absent value is not zero");
    }
    template <class T>
    void operator()(std::vector<T>& list) {
        const std::uint64_t size = count(least_bytes<T>());
        for (std::uint64_t item = 0; item < size && !problem_.has_value(); ++item) {
            (*this)(list.emplace_back());
        }
    }
    void operator()(std::shared_ptr<const spec::MapSpec>& inner) {
        bool present = false;
        (*this)(present);
        check(!present || depth_ < kMaxInnerDepth, "inner maps are nested too deeply");
        if (present && !problem_.has_value()) {
            auto spec = std::make_shared<spec::MapSpec>();
            ++depth_;
            (*this)(*spec);
            --depth_;
            inner = std::move(spec);
        }
    }
    template <class T>
    void operator()(T& record) {
        fields(*this, record);
    }

    void check(bool holds, std::string_view what) {
        if (!holds && !problem_.has_value()) {
            problem_ =
                fail(Code::invalid_input, fmt::format("at byte {}: {}", in_.position(), what));
        }
    }
    [[nodiscard]] bool failed() const { return problem_.has_value(); }
    Result<void> finish() {
        check(in_.at_end(), "something follows the end");
        return problem_.has_value() ? Result<void>(*std::move(problem_)) : Result<void>();
    }

  private:
    template <class T>
    void keep(Result<T> read, T& value) {
        if (problem_.has_value()) {
            return;
        }
        if (read.ok()) {
            value = *std::move(read);
        } else {
            problem_ = std::move(read).error();
        }
    }

    // A length that what is left can hold, so that no memory is taken for what is not there.
    std::uint64_t count(std::uint64_t least_bytes_each) {
        std::uint64_t number = 0;
        (*this)(number);
        check(number <= in_.remaining() / least_bytes_each, "a length exceeds what is there");
        return problem_.has_value() ? 0 : number;
    }
    template <class T>
    static constexpr std::uint64_t least_bytes() {
        if constexpr (Plain<T> || std::is_same_v<T, InsnIndex>) {
            return sizeof(T);
        }
        return 8; // every other record has at least eight bytes
    }

    static bool is_known(Region region) { return region <= Region::kernel; }
    static bool is_known(spec::ProgramType type) { return spec::find(type) != nullptr; }
    static bool is_known(spec::MapType type) { return spec::find(type) != nullptr; }
    static bool is_known(spec::FieldKind kind) { return kind <= spec::FieldKind::tree_root; }

    ByteReader in_;
    std::optional<Error> problem_;
    unsigned depth_ = 0;
};

// The fields of every record, once. `Record` is const for a Writer.
template <class A, class T>
constexpr bool kIs = std::is_same_v<std::remove_const_t<A>, T>;

template <class Archive, class Record>
requires kIs<Record, InsnIndex>
void fields(Archive& archive, Record& index) { archive(index.value); }

template <class Archive, class Record>
requires kIs<Record, RawInsn>
void fields(Archive& archive, Record& raw) {
    archive(raw.opcode);
    archive(raw.registers);
    archive(raw.offset);
    archive(raw.imm);
}

template <class Archive, class Record>
requires kIs<Record, FunctionInfo>
void fields(Archive& archive, Record& info) {
    archive(info.insn);
    archive(info.btf_type_id);
}

template <class Archive, class Record>
requires kIs<Record, LineInfo>
void fields(Archive& archive, Record& info) {
    archive(info.insn);
    archive(info.file_name_offset);
    archive(info.line_offset);
    archive(info.line_column);
}

template <class Archive, class Record>
requires kIs<Record, ProgramSpec>
void fields(Archive& archive, Record& spec) {
    archive(spec.name);
    archive(spec.section);
    archive(spec.type);
    archive(spec.expected_attach_type);
    archive(spec.flags);
    archive(spec.license);
    archive(spec.kernel_version);
    archive(spec.attach_target);
    archive(spec.attach_btf_id);
    archive(spec.attach_program_id);
    archive(spec.insns);
    archive(spec.functions);
    archive(spec.lines);
}

template <class Archive, class Record>
requires kIs<Record, InsnFacts>
void fields(Archive& archive, Record& facts) {
    archive(facts.region);
    archive(facts.offset_min);
    archive(facts.offset_max);
    archive(facts.map_index);
    archive(facts.never_taken);
    archive(facts.always_taken);
    archive(facts.divisor_nonzero);
    archive(facts.fault_reads_zero);
    archive(facts.constant);
    archive(facts.produces_pointer);
}

template <class Archive, class Record>
requires kIs<Record, SubprogramFacts>
void fields(Archive& archive, Record& facts) {
    archive(facts.start);
    archive(facts.end);
    archive(facts.stack_bytes);
    archive(facts.is_global);
    archive(facts.is_callback);
    archive(facts.has_tail_call);
    archive(facts.has_calls);
}

template <class Archive, class Record>
requires kIs<Record, ProgramFacts>
void fields(Archive& archive, Record& facts) {
    archive(facts.writes_packet);
    archive(facts.moves_packet);
    archive(facts.stack_bytes);
    archive(facts.helpers);
}

template <class Archive, class Record>
requires kIs<Record, spec::ValueField>
void fields(Archive& archive, Record& field) {
    archive(field.kind);
    archive(field.offset_bytes);
    archive(field.size_bytes);
}

template <class Archive, class Record>
requires kIs<Record, spec::MapSpec>
void fields(Archive& archive, Record& spec) {
    archive(spec.name);
    archive(spec.type);
    archive(spec.key_size_bytes);
    archive(spec.value_size_bytes);
    archive(spec.max_entries);
    archive(spec.flags);
    archive(spec.numa_node);
    archive(spec.map_extra);
    archive(spec.btf_key_type_id);
    archive(spec.btf_value_type_id);
    archive(spec.btf_vmlinux_value_type_id);
    archive(spec.inner);
    archive(spec.value_fields);
    archive(spec.constant_value);
}

template <class Archive, class Record>
requires kIs<Record, VerifiedProgramParts>
void fields(Archive& archive, Record& parts) {
    archive(parts.spec);
    archive(parts.insns);
    archive(parts.facts);
    archive(parts.origins);
    archive(parts.subprograms);
    archive(parts.maps);
    archive(parts.program_facts);
    archive(parts.verified_insns);
}

// Subprograms follow each other without gaps from the first instruction to the last.
bool covers(const std::vector<SubprogramFacts>& subprograms, std::size_t insn_count) {
    std::uint32_t at = 0;
    for (const SubprogramFacts& one : subprograms) {
        if (one.start.value != at || one.end <= one.start) {
            return false;
        }
        at = one.end.value;
    }
    return at == insn_count;
}

Result<void> check_indexes(const VerifiedProgramParts& parts) {
    if (parts.insns.empty() || parts.facts.size() != parts.insns.size() ||
        parts.origins.size() != parts.insns.size()) {
        return fail(Code::invalid_input, "facts and origins do not match the instructions");
    }
    if (!covers(parts.subprograms, parts.insns.size())) {
        return fail(Code::invalid_input, "subprograms do not cover the instructions");
    }
    for (const InsnIndex origin : parts.origins) {
        if (origin.value >= parts.spec.insns.size()) {
            return fail(Code::invalid_input, "an origin lies outside the program as written");
        }
    }
    for (const InsnFacts& facts : parts.facts) {
        if (facts.map_index < -1 ||
            facts.map_index >= static_cast<std::int64_t>(parts.maps.size())) {
            return fail(Code::invalid_input, "a fact names a map that is not there");
        }
    }
    for (const Insn& insn : TRY(decode_all(parts.insns))) {
        if (insn.refers_to_map() && static_cast<std::uint32_t>(insn.imm) >= parts.maps.size()) {
            return fail(Code::invalid_input, "an instruction names a map that is not there");
        }
    }
    return {};
}

} // namespace

ByteVector VerifiedProgram::encode() const {
    Writer writer;
    writer(kMagic);
    writer(VerifiedProgramParts{spec_, insns_, facts_, origins_, subprograms_, maps_,
                                program_facts_, verified_insns_});
    return writer.take();
}

Result<VerifiedProgram> VerifiedProgram::decode(Bytes bytes) {
    Reader reader(bytes);
    std::uint64_t magic = 0;
    reader(magic);
    reader.check(magic == kMagic, "this is no verified program of this build");
    VerifiedProgramParts parts;
    if (!reader.failed()) {
        reader(parts);
    }
    TRY_WHILE("reading a verified program", reader.finish());
    TRY_WHILE("reading a verified program", check_indexes(parts));
    return VerifiedProgramMaker::make(std::move(parts));
}

} // namespace skep::verify
