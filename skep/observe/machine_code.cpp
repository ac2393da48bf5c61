// SPDX-License-Identifier: Apache-2.0
//
// Capstone does the decoding. x86 is shown in the AT&T notation, which is what bpftool and objdump
// show by default. The target of a jump inside the function is shown as an offset in it, by name.
#include "skep/observe/machine_code.hpp"

#include <algorithm>
#include <charconv>
#include <memory>

#include <capstone/capstone.h>
#include <fmt/format.h>

namespace skep::observe {

namespace {

struct CapstoneCloser {
    void operator()(csh* handle) const {
        cs_close(handle);
        delete handle; // NOLINT: owned by the unique_ptr that calls this
    }
};
using Capstone = std::unique_ptr<csh, CapstoneCloser>;

Result<Capstone> open_capstone(Machine machine) {
    auto handle = std::make_unique<csh>(0);
    const cs_err opened = machine == Machine::x86_64
                              ? cs_open(CS_ARCH_X86, CS_MODE_64, handle.get())
                              : cs_open(CS_ARCH_ARM64, CS_MODE_ARM, handle.get());
    if (opened != CS_ERR_OK) {
        return fail(Code::unsupported,
                    fmt::format("no disassembler for this machine: {}", cs_strerror(opened)));
    }
    Capstone capstone(handle.release());
    if (machine == Machine::x86_64) {
        cs_option(*capstone, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
    }
    return capstone;
}

// Operands are separated by commas outside parentheses and brackets.
std::vector<std::string> split_operands(std::string_view text) {
    std::vector<std::string> operands;
    int depth = 0;
    std::string operand;
    for (const char character : text) {
        depth += character == '(' || character == '['   ? 1
                 : character == ')' || character == ']' ? -1
                                                        : 0;
        if (character == ',' && depth == 0) {
            operands.push_back(std::exchange(operand, {}));
        } else if (character != ' ' || !operand.empty()) {
            operand += character;
        }
    }
    if (!operand.empty()) {
        operands.push_back(operand);
    }
    return operands;
}

// A jump or call names its target as a bare number: "0x1c", on arm64 "#0x1c".
std::optional<std::uint64_t> bare_address(std::string_view operand) {
    operand.remove_prefix(operand.starts_with('#') ? 1 : 0);
    if (!operand.starts_with("0x")) {
        return std::nullopt;
    }
    std::uint64_t address = 0;
    const auto [end, error] =
        std::from_chars(operand.data() + 2, operand.data() + operand.size(), address, 16);
    return error == std::errc() && end == operand.data() + operand.size() ? std::optional(address)
                                                                          : std::nullopt;
}

bool transfers_control(std::string_view operation, Machine machine) {
    if (machine == Machine::x86_64) {
        return operation.starts_with('j') || operation.starts_with("call");
    }
    return operation == "b" || operation == "bl" || operation.starts_with("b.") ||
           operation.starts_with("cb") || operation.starts_with("tb");
}

void name_target(MachineInsn& insn, const MachineFunction& function, Machine machine) {
    if (!transfers_control(insn.operation, machine) || insn.operands.empty()) {
        return;
    }
    insn.target = bare_address(insn.operands.back());
    if (insn.target.has_value() && *insn.target >= function.address &&
        *insn.target < function.address + function.code.size()) {
        insn.remark = fmt::format("<{}+{:#x}>", function.name, *insn.target - function.address);
        insn.operands.back() = fmt::format("{:#x}", *insn.target - function.address);
    }
}

} // namespace

Machine this_machine() {
#if defined(__aarch64__)
    return Machine::arm64;
#else
    return Machine::x86_64;
#endif
}

Result<std::vector<MachineInsn>> disassemble_machine_code(const MachineFunction& function,
                                                          Machine machine) {
    const Capstone capstone = TRY(open_capstone(machine));
    std::vector<MachineInsn> insns;
    const std::uint8_t* code = function.code.data();
    std::size_t left = function.code.size();
    std::uint64_t address = function.address;
    cs_insn* decoded = cs_malloc(*capstone);
    while (left > 0) {
        MachineInsn insn;
        insn.offset = address - function.address;
        const std::uint8_t* begin = code;
        if (decoded != nullptr && cs_disasm_iter(*capstone, &code, &left, &address, decoded)) {
            insn.bytes = Bytes(begin, decoded->size);
            insn.operation = decoded->mnemonic;
            insn.operands = split_operands(decoded->op_str);
            name_target(insn, function, machine);
        } else {
            insn.bytes = Bytes(begin, 1);
            insn.operation = ".byte";
            insn.operands = {fmt::format("{:#04x}", *begin)};
            ++code;
            --left;
            ++address;
        }
        insns.push_back(std::move(insn));
    }
    if (decoded != nullptr) {
        cs_free(decoded, 1);
    }
    return insns;
}

namespace {

// Where a jump or call goes, in words: a place in the function and the instruction whose code
// begins there, another function of the program, or what the caller knows.
void name_target(MachineInsn& insn, const MachineFunction& function,
                 std::span<const MachineFunction> functions, const AddressNames& names) {
    if (!insn.target.has_value()) {
        return;
    }
    if (!insn.remark.empty()) {
        // Of several that begin there the first: the others became one with it.
        const auto mark =
            std::find_if(function.bytecode.begin(), function.bytecode.end(),
                         [&](const BytecodeMark& one) { return one.address == *insn.target; });
        if (mark != function.bytecode.end()) {
            insn.remark += fmt::format(" insn {}", mark->index.value);
        }
        return;
    }
    for (const MachineFunction& other : functions) {
        if (other.address != 0 && other.address == *insn.target) {
            insn.remark = fmt::format("<{}>", other.name);
            return;
        }
    }
    const std::string name = names ? names(*insn.target) : std::string();
    insn.remark = name.empty() ? name : fmt::format("<{}>", name);
}

Result<std::vector<MachineInsn>> named_insns(const MachineFunction& function,
                                             std::span<const MachineFunction> functions,
                                             const AddressNames& names) {
    std::vector<MachineInsn> insns = TRY(disassemble_machine_code(function, this_machine()));
    for (MachineInsn& insn : insns) {
        name_target(insn, function, functions, names);
    }
    return insns;
}

// Calls `at_line` for each line that begins at or before the address and was not shown yet, and
// `at_bytecode` likewise. A line is shown before its bytecode.
class MarkCursor {
  public:
    explicit MarkCursor(const MachineFunction& function) : function_(function) {}
    template <class AtBytecode>
    void advance_bytecode(std::uint64_t address, const AtBytecode& at_bytecode) {
        const auto& marks = function_.bytecode;
        for (; next_mark_ < marks.size() && marks[next_mark_].address <= address; ++next_mark_) {
            at_bytecode(marks[next_mark_]);
        }
    }
    template <class AtLine>
    void advance(std::uint64_t address, const AtLine& at_line) {
        const SourceLine* newest = nullptr;
        for (; next_ < function_.lines.size() && function_.lines[next_].first <= address; ++next_) {
            newest = &function_.lines[next_].second;
        }
        if (newest != nullptr) {
            at_line(*newest);
        }
    }

  private:
    const MachineFunction& function_;
    std::size_t next_ = 0;
    std::size_t next_mark_ = 0;
};

std::string hex_text(Bytes bytes) {
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
    }
    return text;
}

} // namespace

Result<void> print_machine_code_text(Output& output, std::span<const MachineFunction> functions,
                                     const ListingStyle& style, const AddressNames& names) {
    for (const MachineFunction& function : functions) {
        if (!function.prototype.empty()) {
            output.write(fmt::format("{}:\n", function.prototype));
        }
        output.write(fmt::format("{}:\n", function.name));
        MarkCursor lines(function);
        for (const MachineInsn& insn : TRY(named_insns(function, functions, names))) {
            lines.advance(function.address + insn.offset, [&](const SourceLine& line) {
                output.write(source_words(line, style.line_numbers) + "\n");
            });
            lines.advance_bytecode(function.address + insn.offset, [&](const BytecodeMark& mark) {
                output.write(fmt::format("# {:>4}: {}\n", mark.index.value, mark.text));
            });
            std::string operands;
            for (const std::string& operand : insn.operands) {
                operands += (operands.empty() ? "" : ",") + operand;
            }
            std::string text =
                fmt::format("{:4x}:\t{:<6} {}", insn.offset, insn.operation, operands);
            text.erase(text.find_last_not_of(' ') + 1);
            output.write(fmt::format("{}{}\n", text, insn.remark.empty() ? "" : " " + insn.remark));
            if (style.opcodes) {
                output.write(fmt::format("\t{}\n", hex_text(insn.bytes)));
            }
        }
        output.write("\n");
    }
    return {};
}

namespace {

void print_source_json(JsonWriter& json, const SourceLine& line, const ListingStyle& style) {
    json.member("src", std::string_view(line.text));
    if (style.line_numbers == LineNumbers::show) {
        json.member("file", std::string_view(line.file));
        json.member("line_num", line.line);
        json.member("line_col", line.column);
    }
}

void print_bytecode_json(JsonWriter& json, MarkCursor& marks, std::uint64_t address) {
    bool is_open = false;
    marks.advance_bytecode(address, [&](const BytecodeMark& mark) {
        if (!is_open) {
            json.begin_array("bytecode");
            is_open = true;
        }
        json.begin_object();
        json.member("insn", mark.index.value);
        json.member("disasm", std::string_view(mark.text));
        json.end_object();
    });
    if (is_open) {
        json.end_array();
    }
}

} // namespace

Result<void> print_machine_code_json(JsonWriter& json, std::span<const MachineFunction> functions,
                                     const ListingStyle& style, const AddressNames& names) {
    json.begin_array();
    for (const MachineFunction& function : functions) {
        json.begin_object();
        if (!function.prototype.empty()) {
            json.member("proto", std::string_view(function.prototype));
        }
        json.member("name", std::string_view(function.name));
        json.begin_array("insns");
        MarkCursor lines(function);
        for (const MachineInsn& insn : TRY(named_insns(function, functions, names))) {
            json.begin_object();
            lines.advance(function.address + insn.offset,
                          [&](const SourceLine& line) { print_source_json(json, line, style); });
            print_bytecode_json(json, lines, function.address + insn.offset);
            json.member("pc", std::string_view(fmt::format("{:#x}", insn.offset)));
            json.member("operation", std::string_view(insn.operation));
            json.begin_array("operands");
            for (const std::string& operand : insn.operands) {
                json.value(std::string_view(operand));
            }
            json.end_array();
            if (!insn.remark.empty()) {
                json.member("target", std::string_view(insn.remark));
            }
            if (style.opcodes) {
                json.name("opcodes");
                json.hex_bytes(insn.bytes);
            }
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
    json.end_array();
    return {};
}

} // namespace skep::observe
