// SPDX-License-Identifier: Apache-2.0
//
// The kernel's types are large, so they are read only when the object cannot be read well without.
#include "apps/skep/object_file.hpp"

#include <algorithm>

#include "skep/btf/btf.hpp"
#include "skep/os/files.hpp"
#include "skep/spec/section_names.hpp"

namespace skep::app {

namespace {

constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

bool is_whole(const Result<load::ObjectSpec>& object) {
    return object.ok() && std::none_of(object->programs.begin(), object->programs.end(),
                                       [](const load::ObjectProgram& program) {
                                           return program.error.has_value();
                                       });
}

// What to do with a file that is no object.
std::string advice_on(const std::string& file) {
    for (const std::string_view ending : {".c", ".cc", ".cpp", ".cxx", ".C"}) {
        if (file.ends_with(ending)) {
            return fmt::format("\nit is source: 'skep build {}' makes an object of it", file);
        }
    }
    return "\nwanted is an object that a compiler made for BPF: clang -target bpf -g -O2 -c, or "
           "'skep build'";
}

} // namespace

Result<load::ObjectSpec> read_object(const std::string& file, load::Options options) {
    const ByteVector bytes = TRY(os::read_file(file));
    Result<load::ObjectSpec> object = load::load_object(bytes, file, options);
    const bool is_elf = bytes.size() > 4 && bytes[0] == 0x7f && bytes[1] == 'E' &&
                        bytes[2] == 'L' && bytes[3] == 'F';
    if (!is_elf && !object.ok()) {
        Error error = std::move(object).error();
        error.message += advice_on(file);
        return error;
    }
    if (is_whole(object) || options.target_btf != nullptr) {
        return object;
    }
    const Result<ByteVector> raw = os::read_file(kKernelTypes);
    if (!raw.ok()) {
        return object;
    }
    const btf::Btf kernel = TRY_WHILE(kKernelTypes, btf::Btf::parse(*raw));
    options.target_btf = &kernel;
    Result<load::ObjectSpec> again = load::load_object(bytes, file, options);
    return again.ok() || !object.ok() ? std::move(again) : std::move(object);
}

Result<void> read_type_option(Words& words, load::Options& options) {
    const std::string name = TRY(words.value("the type"));
    options.type = spec::program_type_named(name);
    const auto section = spec::match_section_name(name);
    if (!options.type.has_value() && section.has_value()) {
        options.type = section->row->type;
    }
    if (!options.type.has_value()) {
        return fail(Code::invalid_input, fmt::format("unknown program type: '{}'", name));
    }
    return {};
}

Result<void> read_map_size_option(Words& words, load::Options& options) {
    const std::string text = TRY(words.value("NAME=N"));
    const std::size_t equals = text.find('=');
    const auto size =
        equals == std::string::npos
            ? std::nullopt
            : Words::parse_number<std::uint32_t>(std::string_view(text).substr(equals + 1));
    if (!size.has_value()) {
        return fail(Code::invalid_input, fmt::format("--map-size wants NAME=N, got '{}'", text));
    }
    options.map_sizes[text.substr(0, equals)] = *size;
    return {};
}

std::vector<spec::MapSpec> map_specs(const load::ObjectSpec& object) {
    std::vector<spec::MapSpec> specs;
    for (const load::ObjectMap& map : object.maps) {
        specs.push_back(map.spec);
        if (map.read_only_data) {
            specs.back().constant_value = map.initial_value;
        }
    }
    return specs;
}

const btf::Btf* RunningKernel::read() {
    if (!std::exchange(was_read_, true)) {
        const Result<ByteVector> raw = os::read_file(kKernelTypes);
        Result<btf::Btf> types = raw.ok() ? btf::Btf::parse(*raw) : Result<btf::Btf>(raw.error());
        if (types.ok()) {
            types_ = std::move(*types);
        }
    }
    return types_.has_value() ? &*types_ : nullptr;
}

verify::KernelTypes RunningKernel::types() {
    return verify::KernelTypes([this] { return read(); });
}

} // namespace skep::app
