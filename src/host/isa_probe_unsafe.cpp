#include "host/isa_probe.h"

#include "base/assert.h"
#include "host/process.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include <utility>

namespace ring3::host {

namespace {

constexpr u16 code64_selector = 0x33;
constexpr std::size_t landing_offset = 0x800, state_offset = page_size;
constexpr int time_limit_ms = 1000;

/// How far the child came.
enum class Progress : u32 { not_yet, ran, signalled };

} // namespace

/// The child's word on what happened. The assembly below knows its layout.
struct ProbeState {
    ProbeRegisters registers;    // 0: EAX to EDI, 32: EFLAGS
    u32 target;                  // 36: the instruction's address
    std::atomic<u32> progress;   // 40: of enum Progress
    u32 signal, vector;          // 44, 48
    alignas(64) u64 landing[64]; // the landing's stack; it starts at 576
};
static_assert(offsetof(ProbeState, target) == 36 && offsetof(ProbeState, progress) == 40);
static_assert(sizeof(ProbeState) == 576);

struct IsaProbe::Area {
    std::array<u8, page_size> code; // the instruction; the landing at landing_offset
    ProbeState state;
    alignas(page_size) std::array<u8, 2 * page_size> data;
    std::array<u8, page_size> stack;
};

// 64-bit code: into the instruction with all registers loaded, and out of it.
extern "C" {
[[noreturn]] void ring3_probe_enter(ProbeState* state);
extern char const ring3_probe_landing[];
extern char const ring3_probe_landing_end[];
}

asm(R"(
        .intel_syntax noprefix
        .pushsection .text
        .globl ring3_probe_enter
ring3_probe_enter:
        mov eax, 0x2b
        mov ds, eax
        mov es, eax
        mov esp, [rdi + 16]
        push qword ptr [rdi + 32]
        popfq
        push 0x23
        mov eax, [rdi + 36]
        push rax
        mov eax, [rdi]
        mov ecx, [rdi + 4]
        mov edx, [rdi + 8]
        mov ebx, [rdi + 12]
        mov ebp, [rdi + 20]
        mov esi, [rdi + 24]
        mov edi, [rdi + 28]
        retfq

        # Runs from a copy at landing_offset of a page; the state begins on the next page.
ring3_probe_landing:
        .set ring3_probe_state, ring3_probe_landing + 0x800
        mov [rip + ring3_probe_state], eax
        mov [rip + ring3_probe_state + 4], ecx
        mov [rip + ring3_probe_state + 8], edx
        mov [rip + ring3_probe_state + 12], ebx
        mov [rip + ring3_probe_state + 16], esp
        mov [rip + ring3_probe_state + 20], ebp
        mov [rip + ring3_probe_state + 24], esi
        mov [rip + ring3_probe_state + 28], edi
        lea rsp, [rip + ring3_probe_state + 576]
        pushfq
        pop rax
        mov [rip + ring3_probe_state + 32], eax
        mov dword ptr [rip + ring3_probe_state + 40], 1
        mov eax, 231 # exit_group
        xor edi, edi
        syscall
ring3_probe_landing_end:
        .popsection
        .att_syntax
)");
static_assert(landing_offset + 0x800 == state_offset && static_cast<u32>(Progress::ran) == 1, "as in the assembly");

namespace {

ProbeState* child_state; // only a child has one

/// FS may be what the instruction under test left, so nothing here may look for thread-local data.
[[gnu::no_stack_protector]] void on_signal(int number, siginfo_t*, void* raw) {
    auto const& context = *static_cast<ucontext_t*>(raw);
    child_state->signal = static_cast<u32>(number);
    child_state->vector = static_cast<u32>(context.uc_mcontext.gregs[REG_TRAPNO]);
    child_state->progress = static_cast<u32>(Progress::signalled);
    asm volatile("syscall" ::"a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
}

void catch_signals() {
    static u8 signal_stack[64 << 10];
    stack_t const stack{.ss_sp = signal_stack, .ss_flags = 0, .ss_size = sizeof signal_stack};
    ::sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (int const number : {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP, SIGSYS}) ::sigaction(number, &action, nullptr);
}

/// System calls by 32-bit code become SIGSYS instead of doing something. A host that refuses the filter lets them through.
void refuse_32bit_system_calls() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog const filter{.len = std::size(program), .filter = program};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

/// The child's whole life.
[[noreturn]] void run_child(pid_t parent, ProbeState& state, std::span<u8> code) {
    reset_signals();
    child_state = &state;
    ::prctl(PR_SET_DUMPABLE, 0); // what dies here is no accident that somebody wants a core of
    bool const ready = die_with_parent(parent) && ::mprotect(code.data(), code.size(), PROT_READ | PROT_EXEC) == 0;
    if (!ready) ::_exit(1);
    catch_signals();
    refuse_32bit_system_calls();
    ring3_probe_enter(&state);
}

/// The wait status, or nothing if the time was over.
Result<std::optional<int>> wait_for(pid_t child) {
    auto const pidfd = open_pidfd(child);
    pollfd ended{.fd = pidfd ? pidfd->number() : -1, .events = POLLIN, .revents = 0};
    int ready = 0;
    if (pidfd) {
        do ready = ::poll(&ended, 1, time_limit_ms);
        while (ready < 0 && errno == EINTR);
    }
    if (ready <= 0) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!pidfd) return std::unexpected(pidfd.error());
    return ready > 0 ? std::optional{status} : std::nullopt;
}

u32 low_address(void const* pointer) {
    return static_cast<u32>(reinterpret_cast<u64>(pointer));
}

ProbeOutcome outcome_of(ProbeState const& state) {
    using enum ProbeOutcome::End;
    if (state.progress == static_cast<u32>(Progress::ran)) return {ran, 0, 0, state.registers};
    auto const end = state.signal == SIGSYS ? system_call : trapped;
    return {end, static_cast<int>(state.signal), state.vector, {}};
}

} // namespace

Result<IsaProbe> IsaProbe::create() {
    void* const where =
        ::mmap(nullptr, sizeof(Area), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (where == MAP_FAILED) return fail_errno(ExitStatus::host_lacks, "cannot map memory below 2 GiB");
    return IsaProbe{new (where) Area};
}

IsaProbe::IsaProbe(IsaProbe&& other) noexcept : area_{std::exchange(other.area_, nullptr)} {}

IsaProbe::~IsaProbe() {
    if (area_) ::munmap(area_, sizeof(Area));
}

u32 IsaProbe::code_address() const {
    return low_address(area_->code.data());
}

u32 IsaProbe::data_address() const {
    return low_address(area_->data.data());
}

u32 IsaProbe::stack_address() const {
    return low_address(area_->stack.data()) + page_size / 2;
}

std::span<u8> IsaProbe::data() {
    return area_->data;
}

std::span<u8> IsaProbe::stack() {
    return std::span{area_->stack}.last(page_size / 2);
}

u32 IsaProbe::stack_word(u32 address) const {
    u32 const offset = address - low_address(area_->stack.data());
    u32 word = 0;
    if (offset <= page_size - sizeof word) std::memcpy(&word, area_->stack.data() + offset, sizeof word);
    return word;
}

void IsaProbe::clear() {
    area_->data.fill(0);
    area_->stack.fill(0);
}

void IsaProbe::prepare(std::span<u8 const> instruction, ProbeRegisters const& start) {
    auto& code = area_->code;
    std::size_t const landing_size = static_cast<std::size_t>(ring3_probe_landing_end - ring3_probe_landing);
    ASSERT(instruction.size() <= 15 && landing_size <= page_size - landing_offset);
    std::ranges::copy(instruction, code.begin());
    std::array<u8, 7> leave{0xea, 0, 0, 0, 0, code64_selector, 0}; // JMP ptr16:32
    u32 const landing = code_address() + landing_offset;
    std::memcpy(leave.data() + 1, &landing, sizeof landing);
    std::ranges::copy(leave, code.begin() + static_cast<std::ptrdiff_t>(instruction.size()));
    std::memcpy(code.data() + landing_offset, ring3_probe_landing, landing_size);
    ProbeState& state = area_->state;
    state.registers = start;
    state.registers.gpr[4] = stack_address();
    state.target = code_address();
    state.signal = state.vector = 0;
    state.progress = static_cast<u32>(Progress::not_yet);
}

Result<ProbeOutcome> IsaProbe::run(std::span<u8 const> instruction, ProbeRegisters const& start) {
    prepare(instruction, start);
    pid_t const parent = ::getpid();
    pid_t const child = fork_with_signals_blocked();
    if (child < 0) return fail_errno(ExitStatus::host_lacks, "cannot start a process");
    if (child == 0) run_child(parent, area_->state, area_->code);
    auto const status = TRY(wait_for(child));
    ProbeState const& state = area_->state;
    if (!status) return ProbeOutcome{.end = ProbeOutcome::End::hung};
    if (state.progress != static_cast<u32>(Progress::not_yet)) return outcome_of(state);
    if (WIFSIGNALED(*status)) return ProbeOutcome{.end = ProbeOutcome::End::trapped, .signal = WTERMSIG(*status)};
    return fail(ExitStatus::host_lacks, "cannot execute 32-bit code in a child process");
}

std::string_view exception_name(u32 vector) {
    constexpr std::array<std::string_view, 20> names{"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD",
                                                     "#NM", "#DF", "",    "#TS", "#NP", "#SS", "#GP",
                                                     "#PF", "",    "#MF", "#AC", "#MC", "#XM"};
    return vector < names.size() && !names[vector].empty() ? names[vector] : "an exception";
}

std::string_view signal_name(int signal) {
    switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGSYS: return "SIGSYS";
    case SIGKILL: return "SIGKILL";
    default: return "a signal";
    }
}

} // namespace ring3::host
