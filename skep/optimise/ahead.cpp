// SPDX-License-Identifier: Apache-2.0
#include "skep/optimise/ahead.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Support/raw_ostream.h>

#include "skep/optimise/emission.hpp"
#include "skep/optimise/lift/lift.hpp"
#include "skep/optimise/machine.hpp"
#include "skep/optimise/pipeline.hpp"
#include "skep/optimise/versions.hpp"
#include "skep/run/jit/routines.hpp"
#include "skep/spec/helpers.hpp"

namespace skep::optimise {
namespace {

using run::jit::Referent;
using run::jit::Relocation;

constexpr std::size_t kFullMost = 8000;        // instructions: nobody waits for this at run time
constexpr std::uint64_t kValuesAlignment = 64; // a line of the cache

std::string name_of(Referent referent, std::uint32_t number) {
    if (referent == Referent::routine) {
        return fmt::format("routine_{}", run::jit::kRoutineNames.at(number));
    }
    const spec::HelperRow* row = spec::find_helper(number);
    std::string name(row == nullptr ? fmt::format("{}", number) : row->name);
    constexpr std::string_view kPrefix = "bpf_";
    name.erase(0, name.starts_with(kPrefix) ? kPrefix.size() : 0);
    return "helper_" + name;
}

class Unit {
  public:
    Unit(const run::AheadJob& job, llvm::LLVMContext& context, llvm::TargetMachine& machine)
        : job_(job), context_(context), machine_(machine),
          module_(std::make_unique<llvm::Module>("programs", context)),
          bytes_(llvm::Type::getInt8Ty(context)), pointer_(llvm::PointerType::getUnqual(context)) {}

    Result<run::AheadObject> make() {
        set_target(*module_, machine_);
        define_maps();
        std::size_t insns = 0;
        for (const run::AheadProgram& program : job_.programs) {
            TRY_WHILE(fmt::format("program '{}'", program.program->spec().name), add(program));
            insns += program.program->insns().size();
        }
        TRY(check());
        optimise(*module_, machine_, insns > kFullMost ? Effort::light : Effort::full);
        run::AheadObject object;
        TRY(settle_variables(object));
        TRY(check_names());
        const ObjectBytes emitted = TRY(emit_object(*module_, machine_));
        object.bytes.assign(emitted.begin(), emitted.end());
        return object;
    }

  private:
    void define_maps() {
        for (const run::AheadMap& map : job_.maps) {
            variable(*module_, map.symbol + "_handle", true);
            if (map.bytes == 0) {
                variable(*module_, map.symbol, true);
                continue;
            }
            auto* type = llvm::ArrayType::get(bytes_, map.bytes);
            ByteVector content = map.content;
            content.resize(map.bytes);
            const bool is_zero = std::all_of(content.begin(), content.end(),
                                             [](std::uint8_t byte) { return byte == 0; });
            llvm::Constant* initial =
                is_zero
                    ? static_cast<llvm::Constant*>(llvm::ConstantAggregateZero::get(type))
                    : llvm::ConstantDataArray::get(
                          context_, llvm::ArrayRef<std::uint8_t>(content.data(), content.size()));
            auto* values = new llvm::GlobalVariable( // NOLINT: the module owns it
                *module_, type, map.is_constant, llvm::GlobalValue::ExternalLinkage, initial,
                map.symbol);
            values->setAlignment(llvm::Align(kValuesAlignment));
        }
    }

    Result<void> add(const run::AheadProgram& program) {
        Lifted lifted = TRY(lift({*program.program, job_.shapes}, context_));
        set_target(*lifted.module, machine_);
        TRY(name_bindings(*lifted.module, lifted.bindings));
        llvm::Function* entry = lifted.module->getFunction(kEntryName);
        llvm::Function* call_back = lifted.module->getFunction(kCallBackName);
        SKEP_ASSERT(entry != nullptr && call_back != nullptr);
        entry->setVisibility(llvm::GlobalValue::DefaultVisibility);
        entry->setDSOLocal(false);
        entry->setName(program.symbol);
        call_back->setVisibility(llvm::GlobalValue::DefaultVisibility);
        call_back->setDSOLocal(false);
        call_back->setName(program.symbol + "_call_back");
        if (!job_.calls_back) {
            call_back->setLinkage(llvm::GlobalValue::InternalLinkage);
        }
        if (llvm::Linker::linkModules(*module_, std::move(lifted.module))) {
            return fail(Code::unsupported, "the programs of this file cannot be joined");
        }
        return {};
    }

    static std::vector<llvm::LoadInst*> loads_of(llvm::Module& module) {
        std::vector<llvm::LoadInst*> loads;
        for (llvm::Function& function : module) {
            for (llvm::Instruction& one : llvm::instructions(function)) {
                if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&one)) {
                    loads.push_back(load);
                }
            }
        }
        return loads;
    }

    // Every load of an address from the table becomes the thing itself.
    Result<void> name_bindings(llvm::Module& module, const std::vector<Relocation>& bindings) {
        llvm::GlobalVariable* table = module.getGlobalVariable(kBindingsName, true);
        if (table == nullptr) {
            return {};
        }
        for (llvm::LoadInst* load : loads_of(module)) {
            llvm::APInt offset(64, 0);
            const llvm::Value* base = load->getPointerOperand()->stripAndAccumulateConstantOffsets(
                module.getDataLayout(), offset, true);
            if (base != table) {
                continue;
            }
            const std::uint64_t index = offset.getZExtValue() / sizeof(std::uint64_t);
            SKEP_ASSERT(index < bindings.size());
            load->replaceAllUsesWith(TRY(thing(module, *load, bindings[index])));
            load->eraseFromParent();
        }
        table->removeDeadConstantUsers();
        if (!table->use_empty()) {
            return fail(Code::unsupported, "the table of bindings is used in an unknown way");
        }
        table->eraseFromParent();
        return {};
    }

    Result<llvm::Value*> thing(llvm::Module& module, llvm::LoadInst& place,
                               const Relocation& what) {
        switch (what.referent) {
        case Referent::map_value: {
            const run::AheadMap& map = job_.maps[what.index];
            if (map.bytes == 0) {
                llvm::IRBuilder<> builder(&place);
                llvm::Value* first = loaded(builder, variable(module, map.symbol, false));
                return builder.CreateConstInBoundsGEP1_64(bytes_, first, what.addend);
            }
            llvm::Constant* values =
                module.getOrInsertGlobal(map.symbol, llvm::ArrayType::get(bytes_, map.bytes));
            return llvm::ConstantExpr::getInBoundsGetElementPtr(
                bytes_, values,
                llvm::ConstantInt::get(llvm::Type::getInt64Ty(context_), what.addend));
        }
        case Referent::map: {
            llvm::IRBuilder<> builder(&place);
            return loaded(builder,
                          variable(module, job_.maps[what.index].symbol + "_handle", false));
        }
        case Referent::helper:
        case Referent::routine: {
            const std::string name =
                fmt::format("{}_{}", job_.prefix, name_of(what.referent, what.index));
            calls_.emplace(name, run::AheadCall{name, what.referent, what.index});
            llvm::IRBuilder<> builder(&place);
            return loaded(builder, variable(module, name, false));
        }
        case Referent::lookup_function:
        case Referent::home_lane:
            break;
        }
        return fail(Code::unsupported, "the code refers to what has no name here");
    }

    // A pointer, which the runtime fills in before anything runs.
    llvm::GlobalVariable* variable(llvm::Module& module, const std::string& name, bool defined) {
        if (llvm::GlobalVariable* known = module.getGlobalVariable(name)) {
            return known;
        }
        llvm::Constant* nothing = defined ? llvm::ConstantPointerNull::get(pointer_) : nullptr;
        return new llvm::GlobalVariable(module, pointer_, false, // NOLINT: the module owns it
                                        llvm::GlobalValue::ExternalLinkage, nothing, name);
    }

    llvm::Value* loaded(llvm::IRBuilder<>& builder, llvm::GlobalVariable* from) {
        llvm::LoadInst* load = builder.CreateAlignedLoad(pointer_, from, llvm::Align(8));
        load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(context_, {}));
        return load;
    }

    // Names that meet are made different by LLVM without a word; whoever chose them knows only the
    // ones that were asked for.
    Result<void> check_names() {
        for (const run::AheadProgram& program : job_.programs) {
            if (module_->getFunction(program.symbol) == nullptr) {
                return fail(Code::unsupported,
                            fmt::format("the name '{}' is taken", program.symbol));
            }
        }
        return {};
    }

    // LLVM believes what it is given: nobody waits, so it is always looked at.
    Result<void> check() {
        std::string why;
        llvm::raw_string_ostream out(why);
        return llvm::verifyModule(*module_, &out)
                   ? Result<void>(fail(Code::unsupported, "the IR is malformed: " + why))
                   : Result<void>();
    }

    // Variables that the optimised code reads become the object's own, others go.
    Result<void> settle_variables(run::AheadObject& object) {
        for (std::size_t i = 0; i < job_.maps.size(); ++i) {
            if (TRY(settle_map(job_.maps[i]))) {
                object.handled.push_back(i);
            }
        }
        for (const auto& [name, call] : calls_) {
            if (is_read(name)) {
                module_->getGlobalVariable(name)->setInitializer(
                    llvm::ConstantPointerNull::get(pointer_));
                object.calls.push_back(call);
            }
            drop_unread(name);
        }
        return {};
    }

    // Whether there must be such a map at run time.
    Result<bool> settle_map(const run::AheadMap& map) {
        const bool lies_elsewhere = map.bytes == 0;
        if (lies_elsewhere && !map.is_array && is_read(map.symbol)) {
            return fail(Code::unsupported, "a program refers to values that have no address");
        }
        const std::string handle = map.symbol + "_handle";
        const bool wanted =
            map.is_kept || is_read(handle) || (lies_elsewhere && is_read(map.symbol));
        if (!wanted) {
            drop_unread(handle);
        }
        if (lies_elsewhere && (!wanted || !map.is_array)) {
            drop_unread(map.symbol);
        }
        return wanted;
    }

    bool is_read(const std::string& name) {
        const llvm::GlobalVariable* variable = module_->getGlobalVariable(name);
        return variable != nullptr && !variable->use_empty();
    }

    void drop_unread(const std::string& name) {
        if (!is_read(name)) {
            if (llvm::GlobalVariable* variable = module_->getGlobalVariable(name)) {
                variable->eraseFromParent();
            }
        }
    }

    const run::AheadJob& job_;
    llvm::LLVMContext& context_;
    llvm::TargetMachine& machine_;
    std::unique_ptr<llvm::Module> module_;
    std::map<std::string, run::AheadCall> calls_; // by the name of the variable
    llvm::Type* bytes_;
    llvm::PointerType* pointer_;
};

} // namespace

Result<run::AheadObject> compile_ahead(const run::AheadJob& job) {
    llvm::LLVMContext context;
    MachineChoice choice;
    choice.triple = job.triple;
    choice.cpu = job.cpu;
    choice.near_code = false; // a linker puts it where it likes
    const auto machine = TRY(make_machine(choice));
    return Unit(job, context, *machine).make();
}

} // namespace skep::optimise
