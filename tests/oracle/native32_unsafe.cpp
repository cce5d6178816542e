#include "tests/oracle/native32.h"

#include "monitor/cpu/outcome.h"

#include <algorithm>
#include <asm/ldt.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

extern "C" {
void native32_run();
void native32_on_signal(int number, siginfo_t* info, void* context);
void native32_handle_signal(int number, siginfo_t* info, void* context);
extern char const native32_trampoline[];
extern char const native32_trampoline_landing[];
extern char const native32_trampoline_end[];
}

namespace ring3::oracle {

namespace {

/// The state block's layout; see layout.h.
struct NativeState {
    u32 gpr[8];
    u64 eflags;
    u32 target_offset;
    u16 target_selector;
    u16 padding;
    u64 host_stack;
    u64 host_return;
    u32 landing;
    u16 selectors[6]; // ES CS SS DS FS GS
    u64 host_fs_base, host_gs_base;
    u8 filler[32];
    ExtendedState fpu;
};
static_assert(offsetof(NativeState, eflags) == STATE_EFLAGS && offsetof(NativeState, target_offset) == STATE_TARGET);
static_assert(offsetof(NativeState, host_stack) == STATE_HOST_STACK && offsetof(NativeState, landing) == STATE_LANDING);
static_assert(offsetof(NativeState, selectors) == STATE_ES && offsetof(NativeState, fpu) == STATE_FPU);
static_assert(offsetof(NativeState, host_fs_base) == STATE_HOST_FS_BASE);

constexpr u32 landing_marker = 0x11111111;

template <class T> T* at(u64 address) {
    return reinterpret_cast<T*>(address);
}
NativeState& state() {
    return *at<NativeState>(ORACLE_STATE);
}

Ending ending_of_fault;
constexpr int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
struct sigaction previous[NSIG];

/// Of the interrupted code; the kernel's frame has CS, GS, FS and SS in one word.
u16 frame_cs(ucontext_t const& context) {
    return static_cast<u16>(context.uc_mcontext.gregs[REG_CSGSFS]);
}
u16 frame_ss(ucontext_t const& context) {
    return static_cast<u16>(context.uc_mcontext.gregs[REG_CSGSFS] >> 48);
}

/// Did the signal come from the instruction under test? If that was a far transfer to the GDT's 64-bit code segment, from
/// where it led to: our own code lies above 4 GiB.
bool ran_natively(ucontext_t const& context) {
    bool const low = static_cast<u64>(context.uc_mcontext.gregs[REG_RIP]) >> 32 == 0;
    return frame_cs(context) != SELECTOR_CODE64 || low;
}

/// CS and SS of 64-bit code.
greg_t with_host_segments(greg_t segments) {
    constexpr greg_t gs_and_fs = 0x0000'ffff'ffff'0000;
    return (segments & gs_and_fs) | SELECTOR_CODE64 | greg_t{SELECTOR_DATA} << 48;
}

/// Copies the faulting state out of the signal frame and makes the handler return to native32_return.
void on_signal(int number, siginfo_t* info, void* raw) {
    auto& context = *static_cast<ucontext_t*>(raw);
    auto& gregs = context.uc_mcontext.gregs;
    if (!ran_natively(context)) {
        // Not the instruction under test: somebody else's signal (the interpreter's own SIGFPE), or a bug.
        auto const& old = previous[number];
        if ((old.sa_flags & SA_SIGINFO) != 0 && old.sa_sigaction) return old.sa_sigaction(number, info, raw);
        signal(number, SIG_DFL);
        return;
    }
    constexpr int order[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI};
    for (unsigned i = 0; i < 8; ++i) state().gpr[i] = static_cast<u32>(gregs[order[i]]);
    state().eflags = static_cast<u64>(gregs[REG_EFL]);
    state().selectors[static_cast<u8>(SegmentName::cs)] = frame_cs(context);
    state().selectors[static_cast<u8>(SegmentName::ss)] = frame_ss(context);
    // The frame's state is an XSAVE image in standard form (the kernel's signal ABI).
    std::memcpy(&state().fpu, context.uc_mcontext.fpregs, sizeof state().fpu);
    ending_of_fault = {true, static_cast<u8>(gregs[REG_TRAPNO]), static_cast<u32>(gregs[REG_ERR]),
                       static_cast<u32>(gregs[REG_CR2]), static_cast<u32>(gregs[REG_RIP])};
    state().landing = 0xffffffff;
    gregs[REG_RIP] = static_cast<greg_t>(state().host_return);
    gregs[REG_RSP] = static_cast<greg_t>(state().host_stack);
    gregs[REG_EFL] = 0x202;
    gregs[REG_CSGSFS] = with_host_segments(gregs[REG_CSGSFS]);
}

Result<void> map_at(u64 address, std::size_t size, int protection, int fd, off_t offset) {
    // Populated: a page that was never touched would fault as "not present" where the guest says "protection".
    int const flags = MAP_FIXED_NOREPLACE | MAP_POPULATE | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
    void* const got = mmap(at<void>(address), size, protection, flags, fd, offset);
    if (got == at<void>(address)) return {};
    return fail(ExitStatus::host_lacks, fmt::format("cannot map {:#x}: {}", address, std::strerror(errno)));
}

/// Makes an LDT entry, if the kernel knows LDTs.
bool make_ldt_entry(unsigned index, Descriptor descriptor) {
    using Rights = SegmentRights;
    Rights const rights = descriptor.rights();
    struct user_desc entry {};
    entry.entry_number = index;
    entry.base_addr = descriptor.base();
    entry.limit = rights.has<Rights::G>() ? descriptor.limit() >> 12 : descriptor.limit();
    entry.contents = rights.get<Rights::Type>() >> 2 & 3;
    entry.read_exec_only = !rights.has<Rights::Writable>();
    entry.seg_32bit = rights.has<Rights::DB>();
    entry.limit_in_pages = rights.has<Rights::G>();
    entry.seg_not_present = !rights.has<Rights::P>();
    entry.useable = rights.has<Rights::AVL>();
    constexpr int write_entry = 0x11; // with `useable` and entries that are not present
    return syscall(SYS_modify_ldt, write_entry, &entry, sizeof entry) == 0;
}

/// What LAR and LSL tell of a GDT entry at CPL 3. The base they do not tell; Linux has 0 in all that user mode can use.
Descriptor visible_gdt_entry(unsigned index) {
    u32 const selector = index << 3 | 3;
    u32 rights = 0, limit = 0;
    bool visible = false;
    asm("lar %2, %0" : "=r"(rights), "=@ccz"(visible) : "r"(selector));
    asm("lsl %1, %0" : "=r"(limit) : "r"(selector));
    if (!visible) return {};
    if ((rights & SegmentRights::G::mask) != 0) limit >>= 12;
    u64 const high = (rights & SegmentRights::in_descriptor) | (limit & 0xf'0000);
    return {high << 32 | (limit & 0xffff)};
}

/// FS and GS are reloaded around every case, and their bases restored by WRFSBASE and WRGSBASE.
bool kernel_allows_fsgsbase() {
    constexpr unsigned long fsgsbase = 2; // HWCAP2_FSGSBASE
    return (getauxval(AT_HWCAP2) & fsgsbase) != 0;
}

/// `ljmp 33h:trampoline`, in code of either size: the NOP's displacement is two bytes longer in 32-bit code.
///
///     32-bit code    nop [eax+07eb0000h]              ljmp 33h:trampoline
///     16-bit code    nop [bx+si+0]  jmp $+9  ...                            ljmp 33h:trampoline
void put_landing(u8* where, u32 trampoline) {
    u8 code[] = {
        0x0f, 0x1f, 0x80, 0, 0, 0xeb, 7, 0xea, 0, 0, 0, 0, SELECTOR_CODE64, 0, 0x66, 0xea, 0, 0, 0, 0, SELECTOR_CODE64,
        0};
    std::memcpy(code + 8, &trampoline, sizeof trampoline);
    std::memcpy(code + 16, &trampoline, sizeof trampoline);
    std::memcpy(where, code, sizeof code);
}

/// Two copies of the trampoline, which differ in the number they leave in the state block.
u32 trampoline_at(unsigned landing) {
    return ORACLE_TRAMPOLINE + landing * 0x200;
}

void copy_trampoline(unsigned landing) {
    auto const size = static_cast<std::size_t>(native32_trampoline_end - native32_trampoline);
    u8* const copy = at<u8>(trampoline_at(landing));
    std::memcpy(copy, native32_trampoline, size);
    auto const marker = static_cast<std::size_t>(native32_trampoline_landing - native32_trampoline) - sizeof landing;
    std::memcpy(copy + marker, &landing, sizeof landing);
}

class Native32Process final : public Native32 {
public:
    Native32Process(u8* alias, bool has_low_data)
        : alias_{alias}, has_low_data_{has_low_data}, has_ldt_{make_ldt_entry(0, {})} {
        for (unsigned i = 0; i < table_entries; ++i) tables_.gdt[i] = visible_gdt_entry(i).raw;
        tables_.has_ldt = has_ldt_;
    }
    bool has_low_data() const override { return has_low_data_; }
    bool offers(Mode mode) const override { return mode == Mode::flat32 || has_ldt_; }
    std::span<u8> data() override { return {alias_, data_size}; }
    std::span<u8> read_only_data() override { return {alias_ + data_size, page_size}; }

    DescriptorTable gdt() const override { return tables_.gdt; }
    void set_ldt(DescriptorTable const& ldt) override {
        for (unsigned i = 0; has_ldt_ && i < table_entries; ++i)
            if (fresh_ || ldt[i] != tables_.ldt[i]) make_ldt_entry(i, {ldt[i]});
        tables_.ldt = ldt;
        fresh_ = false;
    }

    Ending run(std::span<u8 const> code, CpuImage& image) override {
        place(code);
        NativeState& s = state();
        std::memcpy(s.gpr, image.gpr, sizeof s.gpr);
        s.eflags = image.eflags;
        s.fpu = image.fpu;
        u32 const start = tables_.code_start(image.selector(SegmentName::cs));
        s.target_offset = start;
        s.target_selector = image.selector(SegmentName::cs);
        std::ranges::copy(image.selectors, s.selectors);
        s.selectors[static_cast<u8>(SegmentName::cs)] = 0;
        native32_run();
        std::memcpy(image.gpr, s.gpr, sizeof s.gpr);
        image.eflags = static_cast<u32>(s.eflags);
        image.fpu = s.fpu;
        std::ranges::copy(s.selectors, image.selectors.begin());
        if (s.landing == 0xffffffff) return ending_of_signal(image);
        u32 const offset = s.landing == 0 ? static_cast<u32>(code.size()) : taken_offset;
        return {false, 0, 0, 0, start + offset};
    }

private:
    static void place(std::span<u8 const> code) {
        constexpr u8 int3 = 0xcc;
        u8* const place = at<u8>(ORACLE_CODE);
        std::memcpy(place, code.data(), code.size());
        put_landing(place + code.size(), trampoline_at(0));
        put_landing(place + taken_offset, trampoline_at(1));
        place[far_offset] = int3;
    }

    /// The INT3 at the far landing is no fault but an arrival.
    Ending ending_of_signal(CpuImage const& image) const {
        u32 const before = ending_of_fault.eip - 1;
        u32 const linear = tables_.at(image.selector(SegmentName::cs)).base() + before;
        bool const arrived =
            ending_of_fault.vector == static_cast<u8>(Vector::bp) && linear == ORACLE_CODE + far_offset;
        return arrived ? Ending{false, 0, 0, 0, before} : ending_of_fault;
    }

    u8* alias_;
    bool has_low_data_, has_ldt_;
    bool fresh_{true};
    Tables tables_{};
};

/// The data once more at low addresses, if vm.mmap_min_addr allows.
bool map_low(int fd) {
    return map_at(ORACLE_LOW, data_size, PROT_READ | PROT_WRITE, fd, 0) &&
           map_at(ORACLE_LOW + read_only_offset, page_size, PROT_READ, fd, data_size);
}

void handle_signals() {
    static u8 signal_stack[64 * 1024];
    stack_t const stack{.ss_sp = signal_stack, .ss_flags = 0, .ss_size = sizeof signal_stack};
    sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_sigaction = native32_on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int const number : signals) sigaction(number, &action, &previous[number]);
}

} // namespace

extern "C" void native32_handle_signal(int number, siginfo_t* info, void* context) {
    on_signal(number, info, context);
}

Result<std::unique_ptr<Native32>> Native32::create() {
    static_assert(landing_marker == 0x11111111, "as in native32.S");
    if (!kernel_allows_fsgsbase()) return fail(ExitStatus::host_lacks, "this host has no FSGSBASE for programs");
    int const fd = memfd_create("oracle", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, data_size + page_size) != 0) return fail(ExitStatus::host_lacks, "no memfd");
    TRY_VOID(map_at(ORACLE_STATE, page_size, PROT_READ | PROT_WRITE, -1, 0));
    TRY_VOID(map_at(ORACLE_CODE, code_size, PROT_READ | PROT_WRITE | PROT_EXEC, -1, 0));
    TRY_VOID(map_at(ORACLE_TRAMPOLINE, page_size, PROT_READ | PROT_WRITE | PROT_EXEC, -1, 0));
    TRY_VOID(map_at(ORACLE_DATA, data_size, PROT_READ | PROT_WRITE, fd, 0));
    TRY_VOID(map_at(read_only_page, page_size, PROT_READ, fd, data_size));
    bool const low = map_low(fd);
    void* const alias = mmap(nullptr, data_size + page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (alias == MAP_FAILED) return fail(ExitStatus::host_lacks, "cannot map the data twice");
    copy_trampoline(0);
    copy_trampoline(1);

    asm("rdfsbase %0" : "=r"(state().host_fs_base));
    asm("rdgsbase %0" : "=r"(state().host_gs_base));
    handle_signals();
    return std::make_unique<Native32Process>(static_cast<u8*>(alias), low);
}

} // namespace ring3::oracle
