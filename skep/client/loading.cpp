// SPDX-License-Identifier: Apache-2.0
#include "skep/client/loading.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>

#include <fmt/format.h>

#include "skep/load/machine_sizes.hpp"
#include "skep/os/kernel/bpf_syscall.hpp"
#include "skep/os/machine.hpp"
#include "skep/os/memory.hpp"
#include "skep/os/storage/pin_file.hpp"
#include "skep/spec/maps/map_contents.hpp"

namespace skep::client {

namespace {

using load::ObjectMap;
using load::ObjectProgram;
using load::ObjectSpec;

// Whether an engine describes the keys and values of such a map by types.
bool takes_types(spec::MapType type) {
    const spec::MapTypeRow* row = spec::find(type);
    return row != nullptr && row->types != spec::MapTypes::none;
}

spec::MapSpec for_this_machine(const spec::MapSpec& spec) {
    return load::fit_to_machine(spec, os::possible_cpus(),
                                static_cast<std::uint32_t>(os::page_size()));
}

class ObjectLoader {
  public:
    ObjectLoader(Transport& engine, const ObjectSpec& object, const LoadRequest& request)
        : engine_(engine), object_(object), request_(request) {}

    Result<LoadedObject> load() {
        TRY(make_maps());
        program_fds_.resize(object_.programs.size(), -1);
        for (std::size_t place = 0; place < object_.programs.size(); ++place) {
            if (object_.programs[place].autoload) {
                TRY(add_program(place));
            }
        }
        TRY(fill_slots_with_programs());
        return std::move(loaded_);
    }

    Result<std::vector<std::optional<Judgement>>> judge() {
        TRY(make_maps());
        std::vector<std::optional<Judgement>> judgements(object_.programs.size());
        for (std::size_t place = 0; place < object_.programs.size(); ++place) {
            if (object_.programs[place].error.has_value()) {
                continue;
            }
            const ProgramRequest request = TRY(request_for(object_.programs[place].spec));
            const auto begin = std::chrono::steady_clock::now();
            LoadAnswer answer = load_program(engine_, request);
            const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(
                std::chrono::steady_clock::now() - begin);
            if (answer.answer < 0 && request.log_level == kStatisticsLog) { // it told no path yet
                ProgramRequest again = request;
                again.log_level = 0;
                answer = load_program(engine_, again);
            }
            judgements[place] = Judgement{std::min(answer.answer, 0L), std::move(answer.log),
                                          static_cast<std::uint64_t>(spent.count())};
        }
        return judgements;
    }

    static constexpr std::uint32_t kStatisticsLog = 4; // the last line alone

  private:
    Result<void> make_maps() {
        TRY(load_types());
        for (std::size_t place = 0; place < object_.maps.size(); ++place) {
            TRY_WHILE(fmt::format("map '{}'", object_.maps[place].spec.name), add_map(place));
        }
        return fill_slots_with_maps();
    }

    // An engine that does not know a kind of type still runs the programs: they go without types.
    // One that has ended is another matter: what follows would be made in the next one.
    Result<void> load_types() {
        if (!object_.types.has_value()) {
            return {};
        }
        Result<os::Fd> types = client::load_btf(engine_, object_.types->bytes());
        if (types.ok()) {
            loaded_.types = std::move(*types);
        } else if (types.error().code == Code::again) {
            return std::move(types).error().while_doing("loading the types");
        } else if (request_.on_report) {
            request_.on_report({"", -errno_of(types.error()), types.error().message});
        }
        return {};
    }

    Result<void> add_map(std::size_t place) {
        const ObjectMap& map = object_.maps[place];
        LoadedMap made;
        made.name = map.spec.name;
        made.wants_pin = map.pinning == load::Pinning::by_name;
        if (place < request_.reused_maps.size() && request_.reused_maps[place].has_value()) {
            os::Fd lent(*request_.reused_maps[place]);
            Result<os::Fd> own = lent.duplicate();
            lent.release(); // it stays the caller's
            made.fd = TRY(std::move(own));
            made.is_reused = true;
        } else if (made.wants_pin) {
            made.fd = TRY(find_pinned(map));
            made.is_reused = made.fd.is_open();
        }
        if (made.is_reused) {
            TRY(check_fits(map, made.fd.number()));
        } else {
            made.fd = TRY(make_map(map));
            TRY(fill_map(map, made.fd.number()));
        }
        loaded_.maps.push_back(std::move(made));
        return {};
    }

    Result<os::Fd> find_pinned(const ObjectMap& map) {
        const std::string path = TRY(engine_.pin_directory()) + "/" + map.spec.name;
        Result<os::Fd> found = open_pin(engine_, path);
        return !found.ok() && found.error().code == Code::not_found ? Result<os::Fd>(os::Fd())
                                                                    : std::move(found);
    }

    Result<void> check_fits(const ObjectMap& map, int fd) {
        const abi::MapInfo info = TRY(info_of_map(engine_, fd));
        const spec::MapSpec wanted = for_this_machine(map.spec);
        const bool fits = info.type == static_cast<std::uint32_t>(wanted.type) &&
                          info.key_size == wanted.key_size_bytes &&
                          info.value_size == wanted.value_size_bytes &&
                          info.max_entries == wanted.max_entries;
        if (!fits) {
            return fail(Code::invalid_input,
                        fmt::format("the map to reuse (id {}: type {}, key {}, value {}, entries "
                                    "{}) differs from the "
                                    "object's (type {}, key {}, value {}, entries {})",
                                    info.id, info.type, info.key_size, info.value_size,
                                    info.max_entries, static_cast<std::uint32_t>(wanted.type),
                                    wanted.key_size_bytes, wanted.value_size_bytes,
                                    wanted.max_entries));
        }
        return {};
    }

    Result<os::Fd> make_map(const ObjectMap& map) {
        const spec::MapSpec spec = for_this_machine(map.spec);
        os::Fd inner;
        if (spec.inner != nullptr) {
            const spec::MapSpec shape = for_this_machine(*spec.inner);
            inner = TRY_WHILE("the shape of its inner maps", make_typed_map({.spec = &shape}));
        }
        return make_typed_map({.spec = &spec,
                               .inner_fd = inner.is_open() ? inner.number() : -1,
                               .ifindex = request_.ifindex});
    }

    // With the types of the object where the engine takes them for such a map.
    Result<os::Fd> make_typed_map(MapRequest request) {
        const bool has_types = loaded_.types.is_open() && takes_types(request.spec->type);
        request.btf_fd = has_types ? loaded_.types.number() : -1;
        Result<os::Fd> made = create_map(engine_, request);
        const bool may_be_the_types = !made.ok() && made.error().code != Code::not_permitted &&
                                      made.error().code != Code::again;
        if (may_be_the_types && request.btf_fd >= 0) {
            request.btf_fd = -1; // the engine may not take types for this map
            Result<os::Fd> plain = create_map(engine_, request);
            if (plain.ok()) {
                made = std::move(plain);
            }
        }
        return made;
    }

    // The value of a struct_ops map registers what it describes: that is not done by loading.
    Result<void> fill_map(const ObjectMap& map, int fd) {
        if (!map.initial_value.empty() && map.spec.type != spec::MapType::struct_ops) {
            const std::array<std::uint8_t, 4> first_key{};
            TRY_WHILE("writing its initial value",
                      update(engine_, fd, first_key, map.initial_value, 0));
        }
        if (map.read_only_data) {
            TRY_WHILE("freezing it", freeze(engine_, fd));
        }
        return {};
    }

    Result<void> put(std::size_t map, std::uint32_t index, int fd) {
        ByteWriter key(std::endian::native);
        key.write(index);
        ByteWriter value(std::endian::native);
        value.write(static_cast<std::uint32_t>(fd));
        TRY_WHILE(fmt::format("map '{}', slot {}", object_.maps[map].spec.name, index),
                  update(engine_, loaded_.maps[map].fd.number(), key.bytes(), value.bytes(), 0));
        return {};
    }

    Result<void> fill_slots_with_maps() {
        for (std::size_t map = 0; map < object_.maps.size(); ++map) {
            if (!spec::holds_maps(object_.maps[map].spec.type) || loaded_.maps[map].is_reused) {
                continue;
            }
            for (const load::InitialSlot& slot : object_.maps[map].initial_slots) {
                if (slot.target >= loaded_.maps.size()) {
                    continue;
                }
                TRY(put(map, slot.index, loaded_.maps[slot.target].fd.number()));
            }
        }
        return {};
    }

    Result<void> fill_slots_with_programs() {
        for (std::size_t map = 0; map < object_.maps.size(); ++map) {
            if (object_.maps[map].spec.type != spec::MapType::prog_array) {
                continue;
            }
            for (const load::InitialSlot& slot : object_.maps[map].initial_slots) {
                if (slot.target >= program_fds_.size() || program_fds_[slot.target] < 0) {
                    continue; // not loaded
                }
                TRY(put(map, slot.index, program_fds_[slot.target]));
            }
        }
        return {};
    }

    // Map indexes become the descriptors that PROG_LOAD takes.
    Result<std::vector<RawInsn>> with_descriptors(const ProgramSpec& program) {
        std::vector<RawInsn> insns = program.insns;
        for (std::uint32_t at = 0; at < insns.size();) {
            const auto decoded = decode(insns, InsnIndex(at));
            const Insn* insn = std::get_if<Insn>(&decoded);
            if (insn == nullptr) {
                ++at; // for the engine to refuse, in its own words
                continue;
            }
            const bool is_map =
                insn->kind == InsnKind::load_wide && insn->wide_source == WideSource::map_index;
            const bool is_value = insn->kind == InsnKind::load_wide &&
                                  insn->wide_source == WideSource::map_value_index;
            if (is_map || is_value) {
                const auto place = static_cast<std::uint32_t>(insn->imm);
                if (place >= loaded_.maps.size()) {
                    return fail(Code::invalid_input, fmt::format("insn {} names map {}, of {}", at,
                                                                 place, loaded_.maps.size()));
                }
                Insn changed = *insn;
                changed.wide_source = is_map ? WideSource::map_fd : WideSource::map_value_fd;
                changed.imm = loaded_.maps[place].fd.number();
                const std::array<RawInsn, 2> raw = encode(changed);
                std::copy(raw.begin(), raw.end(), insns.begin() + at);
            }
            at += insn->slots();
        }
        return insns;
    }

    Result<ProgramRequest> request_for(const ProgramSpec& spec) {
        ProgramRequest request;
        request.name = spec.name;
        request.type = spec.type;
        request.expected_attach_type = spec.expected_attach_type;
        request.flags = spec.flags;
        request.kernel_version = spec.kernel_version;
        request.ifindex = request_.ifindex;
        request.attach_btf_id = spec.attach_btf_id;
        request.license = spec.license;
        request.insns = TRY(with_descriptors(spec));
        request.log_level = request_.log_level;
        if (loaded_.types.is_open() && !spec.functions.empty()) {
            request.btf_fd = loaded_.types.number();
            for (const FunctionInfo& function : spec.functions) {
                request.functions.push_back({function.insn.value, function.btf_type_id});
            }
            for (const LineInfo& line : spec.lines) {
                request.lines.push_back(
                    {line.insn.value, line.file_name_offset, line.line_offset, line.line_column});
            }
        }
        return request;
    }

    Result<void> add_program(std::size_t place) {
        const ObjectProgram& program = object_.programs[place];
        const ProgramSpec& spec = program.spec;
        if (program.error.has_value()) {
            return Error(*program.error).while_doing(fmt::format("program '{}'", spec.name));
        }
        const ProgramRequest request = TRY(request_for(spec));
        LoadAnswer answer = load_program(engine_, request);
        if (request_.on_report && (answer.answer < 0 || request.log_level != 0)) {
            request_.on_report({spec.name, answer.answer, answer.log});
        }
        if (answer.answer < 0) {
            return refused(engine_, spec::Command::prog_load, answer.answer,
                           fmt::format("program '{}'", spec.name));
        }
        program_fds_[place] = answer.program.number();
        loaded_.programs.push_back({spec.name, spec.section, std::move(answer.program)});
        return {};
    }

    Transport& engine_;
    const ObjectSpec& object_;
    const LoadRequest& request_;
    LoadedObject loaded_;
    std::vector<int> program_fds_; // by place in ObjectSpec::programs, owned by loaded_
};

} // namespace

Result<LoadedObject> load_into(Transport& engine, const ObjectSpec& object,
                               const LoadRequest& request) {
    return ObjectLoader(engine, object, request).load();
}

Result<std::vector<std::optional<Judgement>>>
judge_programs(Transport& engine, const ObjectSpec& object, std::uint32_t log_level) {
    LoadRequest request;
    request.log_level = log_level | ObjectLoader::kStatisticsLog;
    return ObjectLoader(engine, object, request).judge();
}

PinSet::~PinSet() {
    if (is_kept_) {
        return;
    }
    for (const std::string& path : pins_) {
        os::remove_file(path);
    }
    for (const std::string& path : directories_) {
        os::remove_empty_directory(path);
    }
}

Result<void> PinSet::make_directory(const std::string& path) {
    const Result<void> made = os::make_directory(path);
    if (made.ok()) {
        directories_.push_back(path);
    }
    return !made.ok() && made.error().code != Code::exists ? made : Result<void>();
}

Result<void> PinSet::pin(Transport& engine, int fd, const std::string& path) {
    TRY(client::pin(engine, fd, path));
    pins_.push_back(path);
    return {};
}

std::string pin_name(std::string name) {
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}

} // namespace skep::client
