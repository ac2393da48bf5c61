// SPDX-License-Identifier: Apache-2.0
//
// Writing BTF: the words and strings that a Btf holds, behind a plain header; and changing them.
//
// Proved by: btf_test.cpp (parse and write are each other's inverse).
#include <algorithm>

#include <fmt/format.h>

#include "skep/btf/data.hpp"

namespace skep::btf {
namespace {

ByteVector assemble(std::span<const std::uint32_t> words, std::string_view strings) {
    ByteWriter writer;
    writer.write(kMagic);
    writer.write(std::uint8_t{1}); // version
    writer.write(std::uint8_t{0}); // flags
    writer.write(kHeaderBytes);
    const auto type_bytes = static_cast<std::uint32_t>(words.size() * 4);
    writer.write(std::uint32_t{0});
    writer.write(type_bytes);
    writer.write(type_bytes);
    writer.write(static_cast<std::uint32_t>(strings.size()));
    for (const std::uint32_t word : words) {
        writer.write(word);
    }
    ByteVector bytes = writer.take();
    bytes.insert(bytes.end(), strings.begin(), strings.end());
    return bytes;
}

} // namespace

ByteVector Btf::bytes() const { return assemble(data_->words, data_->strings); }

Result<void> Btf::patch_section(TypeId section, std::uint32_t size_bytes,
                                std::vector<SectionVariable> variables) {
    if (!has(section) || section < first_own_id() || type(section).kind != Kind::data_section) {
        return fail(Code::invalid_input,
                    fmt::format("type {} is no data section of this BTF", section));
    }
    if (type(section).variables.size() != variables.size()) {
        return fail(Code::invalid_input,
                    fmt::format("{} has {} variables, {} given", where(section),
                                type(section).variables.size(), variables.size()));
    }
    std::sort(
        variables.begin(), variables.end(),
        [](const SectionVariable& a, const SectionVariable& b) { return a.offset < b.offset; });
    Editor editor(*this);
    editor.set_word(section, 2, size_bytes);
    std::uint32_t index = 3;
    for (const SectionVariable& variable : variables) {
        editor.set_word(section, index++, variable.variable);
        editor.set_word(section, index++, variable.offset);
        editor.set_word(section, index++, variable.size_bytes);
    }
    *this = TRY(std::move(editor).finish());
    return {};
}

Editor::Editor(const Btf& btf)
    : source_(btf), words_(btf.data_->words), strings_(btf.data_->strings),
      next_id_(btf.type_count()) {
    if (strings_.empty() && btf.data_->base == nullptr) {
        strings_.push_back('\0'); // the empty name
    }
}

std::optional<std::size_t> Editor::place(TypeId id, std::uint32_t index) const {
    if (id < source_.first_own_id() || !source_.has(id)) {
        return std::nullopt;
    }
    const auto& begins = source_.data_->word_index;
    const std::size_t own = id - source_.data_->first_id;
    const std::size_t end = own + 1 < begins.size() ? begins[own + 1] : source_.data_->words.size();
    const std::size_t at = std::size_t{begins[own]} + index;
    return at < end ? std::optional(at) : std::nullopt;
}

std::optional<std::uint32_t> Editor::word(TypeId id, std::uint32_t index) const {
    const auto at = place(id, index);
    return at ? std::optional(words_[*at]) : std::nullopt;
}

void Editor::set_word(TypeId id, std::uint32_t index, std::uint32_t value) {
    if (const auto at = place(id, index)) {
        words_[*at] = value;
    }
}

std::uint32_t Editor::add_string(std::string_view text) {
    const std::size_t offset = source_.data_->base_string_bytes + strings_.size();
    strings_.append(text.substr(0, text.find('\0')));
    strings_.push_back('\0');
    return static_cast<std::uint32_t>(offset);
}

TypeId Editor::add_type(std::span<const std::uint32_t> words) {
    words_.insert(words_.end(), words.begin(), words.end());
    return next_id_++;
}

Result<Btf> Editor::finish() && { return Btf::parse(assemble(words_, strings_), source_.base()); }

} // namespace skep::btf
