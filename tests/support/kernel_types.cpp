// SPDX-License-Identifier: Apache-2.0
#include "tests/support/kernel_types.hpp"

#include <fstream>
#include <iterator>

#include "skep/bytecode/assemble.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::tests {
namespace {

// "call @function" by the function's number in the types.
std::string with_numbers(std::string text, const btf::Btf& types) {
    for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@')) {
        const std::size_t end = text.find('\n', at);
        const std::string name = text.substr(at + 1, end - at - 1);
        const auto id = types.find(name, btf::Kind::function);
        text.replace(at, end - at, "kfunc#" + std::to_string(id.value_or(1)));
    }
    return text;
}

} // namespace

std::optional<btf::Btf> kernel_types() {
    std::ifstream file("/sys/kernel/btf/vmlinux", std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
    Result<btf::Btf> types = btf::Btf::parse(Bytes(first, bytes.size()));
    return types.ok() ? std::optional(std::move(types).value()) : std::nullopt;
}

Result<std::vector<RawInsn>> assemble_with(std::string text, const btf::Btf& types) {
    Symbols symbols;
    symbols.helper = [](std::string_view name) -> std::optional<std::int32_t> {
        const spec::HelperRow* row = spec::helper_named(name);
        return row == nullptr ? std::nullopt : std::optional(static_cast<std::int32_t>(row->id));
    };
    return TRY(assemble(with_numbers(std::move(text), types), symbols)).insns;
}

} // namespace skep::tests
