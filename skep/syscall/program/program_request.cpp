// SPDX-License-Identifier: Apache-2.0
#include "skep/syscall/program/program_request.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "skep/base/sha256.hpp"
#include "skep/spec/limits.hpp"
#include "skep/spec/program_types.hpp"
#include "skep/syscall/attach_rules.hpp"
#include "skep/syscall/program/program_records.hpp"

namespace skep::syscall {
namespace {

using registry::MapObject;
using spec::WideSource;

constexpr std::uint32_t kKnownFlags = 0xff;
constexpr std::uint32_t kTokenFlag = 1U << 16;
constexpr std::uint32_t kMostInsns = spec::limits::program_insns;
constexpr std::size_t kLongestLicense = spec::limits::licence_bytes;
constexpr std::uint8_t kLoadWide = 0x18;
constexpr std::uint32_t kMostMaps = spec::limits::maps;

bool names_map_by_descriptor(const RawInsn& insn) {
    return insn.opcode == kLoadWide && (insn.src() == static_cast<Reg>(WideSource::map_fd) ||
                                        insn.src() == static_cast<Reg>(WideSource::map_value_fd));
}
bool names_map_by_index(const RawInsn& insn) {
    return insn.opcode == kLoadWide &&
           (insn.src() == static_cast<Reg>(WideSource::map_index) ||
            insn.src() == static_cast<Reg>(WideSource::map_value_index));
}
bool names_value(const RawInsn& insn) {
    return insn.src() == static_cast<Reg>(WideSource::map_value_fd) ||
           insn.src() == static_cast<Reg>(WideSource::map_value_index);
}

Result<std::vector<RawInsn>> read_insns(const Call& call, const abi::ProgLoadAttr& attr) {
    const ByteVector bytes =
        TRY(call.read_bytes(attr.insns, std::uint64_t{attr.insn_cnt} * sizeof(RawInsn)));
    std::vector<RawInsn> insns(attr.insn_cnt);
    std::memcpy(insns.data(), bytes.data(), bytes.size());
    return insns;
}

// Turns descriptors in instructions into indexes of a list of maps.
class MapResolver {
  public:
    MapResolver(const Call& call, const abi::ProgLoadAttr& attr, ProgramRequest& request)
        : call_(call), attr_(attr), request_(request) {}

    // A number of fd_array entries was given: all are looked at, and maps among them bound.
    Result<void> bind_all_of_array() {
        if (attr_.fd_array_cnt == 0) {
            return {};
        }
        if (attr_.fd_array_cnt > kMostMaps * 8) {
            return answer(EINVAL, "too many descriptors in fd_array");
        }
        for (std::uint32_t i = 0; i < attr_.fd_array_cnt; ++i) {
            const std::int32_t number = TRY(descriptor_at(i));
            auto object = TRY(call_.object(number));
            if (object->kind() == registry::ObjectKind::map) {
                TRY(use(std::static_pointer_cast<MapObject>(object)));
            } else if (object->kind() != registry::ObjectKind::btf) {
                return answer(EINVAL, "fd_array holds something else than maps and types");
            }
        }
        return {};
    }

    Result<void> resolve_all() {
        auto& insns = request_.spec.insns;
        for (std::size_t i = 0; i < insns.size(); ++i) {
            if (names_map_by_descriptor(insns[i])) {
                TRY(resolve(i, insns[i].imm));
            } else if (names_map_by_index(insns[i])) {
                const std::int32_t number =
                    TRY(descriptor_at(static_cast<std::uint32_t>(insns[i].imm)));
                TRY(resolve(i, number));
            }
            if (insns[i].opcode == kLoadWide) {
                ++i; // its second half is no instruction
            }
        }
        return {};
    }

  private:
    Result<std::int32_t> descriptor_at(std::uint32_t index) {
        if (attr_.fd_array == 0) {
            return answer(attr_.fd_array_cnt != 0 ? EFAULT : EPROTO,
                          "fd_idx without fd_array is invalid");
        }
        const ByteVector bytes =
            TRY(call_.read_bytes(attr_.fd_array + std::uint64_t{index} * 4, 4));
        std::int32_t number = -1;
        std::memcpy(&number, bytes.data(), sizeof number);
        return number;
    }

    Result<void> resolve(std::size_t at, std::int32_t number) {
        auto map = call_.object_as<MapObject>(number);
        if (!map.ok()) {
            return Error{Code::system, errno_of(map.error()),
                         "fd " + std::to_string(number) + " is not pointing to valid bpf_map"};
        }
        const std::uint32_t index = TRY(use(*map));
        RawInsn& insn = request_.spec.insns[at];
        const auto source = names_value(insn) ? WideSource::map_value_index : WideSource::map_index;
        insn.registers = static_cast<std::uint8_t>(insn.dst() | static_cast<unsigned>(source) << 4);
        insn.imm = static_cast<std::int32_t>(index);
        return {};
    }

    Result<std::uint32_t> use(const std::shared_ptr<MapObject>& map) {
        auto& maps = request_.maps;
        const auto found = std::find(maps.begin(), maps.end(), map);
        const auto index = static_cast<std::uint32_t>(found - maps.begin());
        if (found == maps.end()) {
            if (maps.size() == kMostMaps) {
                return answer(E2BIG,
                              "The total number of maps per program has reached the limit of 64");
            }
            maps.push_back(map);
            request_.used_maps.push_back(map);
        }
        return index;
    }

    const Call& call_;
    const abi::ProgLoadAttr& attr_;
    ProgramRequest& request_;
};

Result<void> check_first(const abi::ProgLoadAttr& attr) {
    if ((attr.prog_flags & ~(kKnownFlags | kTokenFlag)) != 0) {
        return answer(EINVAL, "unknown flags");
    }
    if ((attr.prog_flags & kTokenFlag) != 0) {
        return answer(EBADF, "skep's engine has no tokens");
    }
    if (attr.insn_cnt == 0 || attr.insn_cnt > kMostInsns) {
        return answer(E2BIG, "a program has 1 to 1000000 instructions");
    }
    if (attr.prog_ifindex != 0) {
        return answer(EOPNOTSUPP, "programs cannot be offloaded to a device");
    }
    return check_attach_rules(static_cast<spec::ProgramType>(attr.prog_type), attr);
}

Result<void> check_type(const abi::ProgLoadAttr& attr) {
    const auto type = static_cast<spec::ProgramType>(attr.prog_type);
    if (type == spec::ProgramType::unspec || spec::find(type) == nullptr) {
        return answer(EINVAL, "no such program type");
    }
    if (attr.signature_size != 0 && attr.signature != 0) {
        return answer(EOPNOTSUPP, "signed programs are not supported");
    }
    return {};
}

} // namespace

std::array<std::uint8_t, abi::kTagSize> tag_of(std::span<const RawInsn> insns) {
    const auto* first = reinterpret_cast<const std::uint8_t*>(insns.data());
    ByteVector bytes(first, first + insns.size_bytes());
    constexpr std::size_t kImmediate = 4; // offset in an instruction
    for (std::size_t i = 0; i < insns.size(); ++i) {
        if (!names_map_by_descriptor(insns[i])) {
            i += insns[i].opcode == kLoadWide ? 1 : 0;
            continue;
        }
        std::memset(bytes.data() + i * sizeof(RawInsn) + kImmediate, 0, 4);
        ++i;
        if (i < insns.size()) {
            std::memset(bytes.data() + i * sizeof(RawInsn) + kImmediate, 0, 4);
        }
    }
    const Sha256Digest digest = sha256(bytes);
    std::array<std::uint8_t, abi::kTagSize> tag{};
    std::copy_n(digest.begin(), tag.size(), tag.begin());
    return tag;
}

Result<ProgramRequest> read_program_request(Call& call, const abi::ProgLoadAttr& attr,
                                            const LogBuffer& log) {
    TRY(check_first(attr));
    ProgramRequest request;
    request.spec.insns = TRY(read_insns(call, attr));
    request.spec.license = TRY(call.caller->read_text(attr.license, kLongestLicense));
    TRY(check_type(attr));
    request.name = TRY(object_name(attr.prog_name));
    TRY(log.check());
    request.spec.name = request.name;
    request.spec.type = static_cast<spec::ProgramType>(attr.prog_type);
    request.spec.expected_attach_type = attr.expected_attach_type;
    request.spec.flags = attr.prog_flags;
    request.spec.kernel_version = attr.kern_version;
    request.spec.attach_btf_id = attr.attach_btf_id;
    request.tag = tag_of(request.spec.insns);
    TRY(read_program_records(call, attr, request));
    MapResolver resolver(call, attr, request);
    TRY(resolver.bind_all_of_array());
    if (const Result<void> resolved = resolver.resolve_all(); !resolved.ok()) {
        request.refusal = resolved.error();
    }
    return request;
}

} // namespace skep::syscall
