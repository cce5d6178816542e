#include "tests/oracle/native32.h"

#include <asm/ldt.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
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
    u32 stack_selector, data_selector;
    u8 filler[52];
    ExtendedState fpu;
};
static_assert(offsetof(NativeState, eflags) == STATE_EFLAGS && offsetof(NativeState, target_offset) == STATE_TARGET);
static_assert(offsetof(NativeState, host_stack) == STATE_HOST_STACK && offsetof(NativeState, landing) == STATE_LANDING);
static_assert(offsetof(NativeState, stack_selector) == STATE_STACK_SELECTOR);
static_assert(offsetof(NativeState, data_selector) == STATE_DATA_SELECTOR && offsetof(NativeState, fpu) == STATE_FPU);

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

/// Did the signal come from the instruction under test?
bool ran_natively(ucontext_t const& context) {
    u16 const cs = static_cast<u16>(context.uc_mcontext.gregs[REG_CSGSFS]);
    return cs == SELECTOR_CODE32 || cs == SELECTOR_CODE16;
}

/// CS and SS of 64-bit code; the kernel's frame has CS, GS, FS and SS in one word.
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

/// Makes an LDT entry as the plan says, if the kernel knows LDTs.
bool make_segment(SegmentPlan const& plan, bool is_code) {
    struct user_desc entry {};
    entry.entry_number = plan.selector >> 3;
    entry.base_addr = plan.base;
    entry.limit = plan.limit;
    entry.contents = is_code ? MODIFY_LDT_CONTENTS_CODE : MODIFY_LDT_CONTENTS_DATA;
    constexpr int write_entry = 1;
    return syscall(SYS_modify_ldt, write_entry, &entry, sizeof entry) == 0;
}

bool make_16bit_segments() {
    return make_segment(code16_segment, true) && make_segment(data16_segment, false);
}

/// `ljmp 33h:trampoline`; 16-bit code needs a prefix for the 32-bit offset.
void put_landing(Mode mode, u8* where, u32 trampoline) {
    if (mode == Mode::code16) *where++ = 0x66;
    u8 code[7] = {0xea, 0, 0, 0, 0, SELECTOR_CODE64, 0};
    std::memcpy(code + 1, &trampoline, sizeof trampoline);
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
        : alias_{alias}, has_low_data_{has_low_data}, has_code16_{make_16bit_segments()} {}
    bool has_low_data() const override { return has_low_data_; }
    bool offers(Mode mode) const override { return mode == Mode::flat32 || has_code16_; }
    std::span<u8> data() override { return {alias_, data_size}; }
    std::span<u8> read_only_data() override { return {alias_ + data_size, page_size}; }

    Ending run(Mode mode, std::span<u8 const> code, CpuImage& image) override {
        place(mode, code);
        NativeState& s = state();
        std::memcpy(s.gpr, image.gpr, sizeof s.gpr);
        s.eflags = image.eflags;
        s.fpu = image.fpu;
        s.target_offset = code_start(mode);
        s.target_selector = mode == Mode::flat32 ? SELECTOR_CODE32 : SELECTOR_CODE16;
        s.stack_selector = s.data_selector = mode == Mode::flat32 ? SELECTOR_DATA : SELECTOR_DATA16;
        native32_run();
        std::memcpy(image.gpr, s.gpr, sizeof s.gpr);
        image.eflags = static_cast<u32>(s.eflags);
        image.fpu = s.fpu;
        if (s.landing == 0xffffffff) return ending_of_fault;
        u32 const offset = s.landing == 0 ? static_cast<u32>(code.size()) : taken_offset;
        return {false, 0, 0, 0, code_start(mode) + offset};
    }

private:
    static void place(Mode mode, std::span<u8 const> code) {
        u8* const place = at<u8>(ORACLE_CODE);
        std::memcpy(place, code.data(), code.size());
        put_landing(mode, place + code.size(), trampoline_at(0));
        put_landing(mode, place + taken_offset, trampoline_at(1));
    }

    u8* alias_;
    bool has_low_data_, has_code16_;
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

    handle_signals();
    return std::make_unique<Native32Process>(static_cast<u8*>(alias), low);
}

} // namespace ring3::oracle
