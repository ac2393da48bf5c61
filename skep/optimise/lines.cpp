// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/lines.hpp"

#include <algorithm>

#include <llvm/BinaryFormat/Dwarf.h>
#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Support/MemoryBuffer.h>

namespace skep::optimise {

LineTable::LineTable(llvm::Module& module) : builder_(module) {
    module.addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
    module.addModuleFlag(llvm::Module::Warning, "Dwarf Version", 4);
    file_ = builder_.createFile("bytecode", "");
    builder_.createCompileUnit(llvm::dwarf::DW_LANG_C, file_, "skep", true, "", 0, "",
                               llvm::DICompileUnit::LineTablesOnly);
    type_ = builder_.createSubroutineType(builder_.getOrCreateTypeArray({}));
}

void LineTable::add(llvm::Function& function) {
    function.setSubprogram(builder_.createFunction(
        file_, function.getName(), "", file_, 0, type_, 0, llvm::DINode::FlagZero,
        llvm::DISubprogram::SPFlagDefinition | llvm::DISubprogram::SPFlagLocalToUnit |
            llvm::DISubprogram::SPFlagOptimized));
}

// Code that is put into a function without lines loses its own.
void LineTable::add_around(llvm::Function& function) {
    add(function);
    for (llvm::BasicBlock& block : function) {
        for (llvm::Instruction& one : block) {
            one.setDebugLoc(
                llvm::DILocation::get(function.getContext(), 0, 0, function.getSubprogram()));
        }
    }
}

namespace {

// The one that an image begins with.
std::uint64_t code_section(const llvm::object::ObjectFile& file) {
    for (const llvm::object::SectionRef& section : file.sections()) {
        if (section.isText() && section.getSize() != 0) {
            return section.getIndex();
        }
    }
    return llvm::object::SectionedAddress::UndefSection;
}

} // namespace

Result<std::vector<run::jit::CodeMark>> marks_of(const ObjectBytes& object) {
    const llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()), "program");
    auto file = llvm::object::ObjectFile::createObjectFile(buffer);
    if (!file) {
        llvm::consumeError(file.takeError());
        return fail(Code::unsupported, "the object's lines cannot be read");
    }
    const std::uint64_t code = code_section(**file);
    std::vector<run::jit::CodeMark> marks;
    const std::unique_ptr<llvm::DWARFContext> context = llvm::DWARFContext::create(**file);
    for (const auto& unit : context->compile_units()) {
        const llvm::DWARFDebugLine::LineTable* table = context->getLineTableForUnit(unit.get());
        if (table == nullptr) {
            continue;
        }
        for (const auto& row : table->Rows) {
            // Line 0 is what came from nowhere: it goes with what stands before it.
            if (row.Line != 0 && row.EndSequence == 0 && row.Address.SectionIndex == code) {
                marks.push_back({static_cast<std::uint32_t>(row.Address.Address), row.Line - 1});
            }
        }
    }
    std::stable_sort(marks.begin(), marks.end(), [](const auto& left, const auto& right) {
        return left.offset < right.offset;
    });
    return marks;
}

} // namespace skep::optimise
