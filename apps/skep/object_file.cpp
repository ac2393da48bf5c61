// SPDX-License-Identifier: Apache-2.0
#include "apps/skep/object_file.hpp"

#include <algorithm>

#include "apps/skep/help/suggest.hpp"
#include "skep/btf/btf.hpp"
#include "skep/os/files.hpp"
#include "skep/spec/section_names.hpp"

namespace skep::app {

namespace {

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

Result<load::ObjectSpec> read_object(const std::string& file, load::Options options,
                                     RunningKernel& kernel) {
    const ByteVector bytes = TRY(os::read_file(file));
    kernel.tell(options);
    Result<load::ObjectSpec> object = load::load_object(bytes, file, options);
    const bool is_elf = bytes.size() > 4 && bytes[0] == 0x7f && bytes[1] == 'E' &&
                        bytes[2] == 'L' && bytes[3] == 'F';
    if (!is_elf && !object.ok()) {
        Error error = std::move(object).error();
        error.message += advice_on(file);
        return error;
    }
    return object;
}

void show_warnings(Session& session, const load::ObjectSpec& object) {
    for (const std::string& warning : object.warnings) {
        session.remark("{}: {}", object.file, warning);
    }
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

Result<void> check_map_sizes(const load::ObjectSpec& object, const load::Options& options) {
    std::vector<std::string> names;
    for (const load::ObjectMap& map : object.maps) {
        names.push_back(map.spec.name);
    }
    for (const auto& [name, size] : options.map_sizes) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            return fail(Code::not_found, fmt::format("{} holds no map '{}' for --map-size{}",
                                                     object.file, name, did_you_mean(name, names)));
        }
    }
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

} // namespace skep::app
