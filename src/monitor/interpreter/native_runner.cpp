#include "monitor/interpreter/native_runner.h"

#include "host/native_arena.h"
#include "insn/decoder.h"
#include "monitor/interpreter/fpu_state.h"
#include "monitor/interpreter/native_code.h"

#include <algorithm>
#include <vector>

namespace ring3 {
namespace {

constexpr std::size_t stub_bytes = 16;
constexpr std::size_t stub_count = 4096;
constexpr std::size_t table_size = 2 * stub_count; // a power of two; never more than half full
constexpr u8 opcode_ret = 0xc3, opcode_int3 = 0xcc;
static_assert(NativeCode::capacity < stub_bytes);

/// All that makes two instructions differ once the address and the general registers are replaced. Never 0.
u64 key_of(insn::Insn const& insn) {
    constexpr u64 in_use = u64{1} << 63;
    u64 const row = static_cast<u64>(insn.def - insn::all_rows().data());
    unsigned const modrm = insn.has_memory ? insn.modrm & 0x38u : insn.modrm;
    u64 const vex = u64{insn.vex} << 6 | u64{insn.vex_l} << 5 | u64{insn.vex_w} << 4 | (insn.vvvv & 15u);
    u64 const forms = u64{insn.has_memory} << 1 | u64{insn.operand_size == 2};
    return in_use | forms << 48 | row << 32 | vex << 16 | u64{modrm} << 8 | (insn.imm & 0xff);
}

std::size_t slot_of(u64 key) {
    constexpr u64 golden_ratio = 0x9e37'79b9'7f4a'7c15;
    return (key * golden_ratio) >> 51;
}
static_assert(table_size == std::size_t{1} << (64 - 51));

host::NativeEntry entry_for(insn::Insn const& insn) {
    if (insn.vex) return host::ring3_native_enter_avx;
    if (insn.def->op == insn::Op::x87 || uses_mmx(*insn.def)) return host::ring3_native_enter_x87;
    return host::ring3_native_enter_sse;
}

NativePlan make_plan(u64 key, insn::Insn const& insn, u8 const* code) {
    insn::GprUse const gpr = insn::gpr_use(insn);
    insn::ImplicitGprs const implicit = insn::implicit_gprs(insn);
    NativePlan plan;
    plan.key = key;
    plan.code = code;
    plan.entry = entry_for(insn);
    plan.memory = insn::memory_access(insn);
    if (plan.memory != insn::Access::none) plan.memory_bytes = static_cast<u8>(insn::memory_bytes(insn));
    plan.alignment = static_cast<u8>(insn::memory_alignment(insn));
    plan.gpr = gpr.ref;
    plan.reads_gpr = gpr && gpr.access != insn::Access::write;
    plan.writes_gpr = gpr && gpr.access != insn::Access::read;
    plan.reads_eax_edx = implicit.reads_eax_edx;
    plan.writes_ecx = implicit.writes_ecx;
    plan.writes_flags = (insn.def->writes & insn::flag::status) != 0;
    return plan;
}

} // namespace

struct NativeRunner::Impl {
    host::NativeArena arena;
    std::vector<NativePlan> table = std::vector<NativePlan>(table_size);
    std::size_t used{};

    /// The key's entry, or the free one where it belongs.
    NativePlan& find(u64 key) {
        std::size_t slot = slot_of(key);
        while (table[slot].key != 0 && table[slot].key != key) slot = (slot + 1) % table_size;
        return table[slot];
    }
    void drop_all() {
        std::ranges::fill(table, NativePlan{});
        used = 0;
    }
    u8 const* emit(NativeCode const& code) {
        std::size_t const offset = used++ * stub_bytes;
        auto const stub = arena.writable().subspan(offset, stub_bytes);
        std::ranges::fill(stub, opcode_int3);
        std::ranges::copy(code.view(), stub.begin());
        stub[code.size] = opcode_ret;
        host::serialize_instruction_fetch();
        return arena.executable() + offset;
    }
    NativePlan const* make(u64 key, insn::Insn const& insn) {
        if (insn::memory_bytes(insn) > sizeof host::NativeFrame::memory) return nullptr;
        if (used == stub_count) drop_all();
        NativePlan& plan = find(key);
        plan = make_plan(key, insn, emit(native_code(insn)));
        return &plan;
    }
};

NativeRunner::NativeRunner(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
NativeRunner::~NativeRunner() = default;

Result<std::unique_ptr<NativeRunner>> NativeRunner::create() {
    TRY_VOID(host::install_native_fault_handler());
    auto arena = TRY(host::NativeArena::create(stub_count * stub_bytes));
    return std::unique_ptr<NativeRunner>{new NativeRunner{std::make_unique<Impl>(std::move(arena))}};
}

NativePlan const* NativeRunner::plan(insn::Insn const& insn) {
    u64 const key = key_of(insn);
    NativePlan const& found = impl_->find(key);
    if (found.key != 0) [[likely]]
        return &found;
    return impl_->make(key, insn);
}

/// Did an instruction that began without a pending exception raise one that withholds its result? All unmasked ones
/// but precision do (SDM 1 8.5, 8.6).
static bool withholds_result(FxImage const& fx) {
    constexpr unsigned invalid_to_underflow = 0x1f;
    return (fx.fsw.get<Fsw::Exceptions>() & ~fx.fcw.get<Fcw::Masks>() & invalid_to_underflow) != 0;
}

static NativeRunner::Ending ending(int signal) {
    if (signal == 0) [[likely]]
        return NativeRunner::Ending::completed;
    return signal == SIGFPE ? NativeRunner::Ending::simd_exception : NativeRunner::Ending::invalid_opcode;
}

/// Exceptions that are already pending would trap on the host: they are put aside, as IGNNE# demands.
static NativeRunner::Ending run_x87(NativePlan const& plan, FxImage& fx, host::NativeFrame& frame) {
    unsigned const pending = x87_error_pending(fx) ? fx.fsw.get<Fsw::Exceptions>() : 0;
    if (pending != 0) [[unlikely]]
        fx.fsw = fx.fsw.with<Fsw::Exceptions>(0).with<Fsw::ES>(0).with<Fsw::B>(0);
    FpuPointers const pointers = fx.pointers;
    int const signal = plan.entry(&frame);
    bool const withheld = withholds_result(fx);
    fx.pointers = pointers; // the host's are addresses of ours
    fx.mxcsr_mask = Mxcsr::writable;
    if (pending != 0) [[unlikely]] {
        fx.fsw.raw |= static_cast<u16>(pending);
        update_error_summary(fx);
    }
    return signal == 0 && withheld ? NativeRunner::Ending::withheld : ending(signal);
}

NativeRunner::Ending NativeRunner::run(NativePlan const& plan, ExtendedState& state, host::NativeFrame& frame) {
    frame.code = plan.code;
    frame.state = state.bytes;
    if (plan.entry == host::ring3_native_enter_x87) return run_x87(plan, image(state).fx, frame);
    return ending(plan.entry(&frame));
}

} // namespace ring3
