// micro NAME COUNT: one small program per thing to measure. Linked statically for i386, so that the very same file runs
// on the host's kernel and in a guest.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

enum { page = 4096, mebi = 1 << 20 };

static volatile uint32_t sink; // results go here, so that nothing is optimized away
static char this_program[256];

static void fail(char const* what) {
    perror(what);
    exit(1);
}

static void* map(size_t bytes, int protection) {
    void* const memory = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    return memory;
}

// xorshift32: the same sequence everywhere.
static uint32_t next_random(void) {
    static uint32_t state = 12345;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static pid_t fork_or_fail(void) {
    pid_t const child = fork();
    if (child < 0) fail("fork");
    return child;
}

// ---- calls, memory, arithmetic ----

NOINLINE static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static void run_fib(uint32_t n) { sink = fibonacci(n); }

// Follows one cycle of pointers through `bytes`, a node per cache line: every load waits for the one before.
static void chase(size_t bytes, uint32_t steps) {
    size_t const nodes = bytes / 64;
    char* const memory = map(bytes, PROT_READ | PROT_WRITE);
    uint32_t* const order = malloc(nodes * sizeof *order);
    for (size_t i = 0; i < nodes; i++) order[i] = (uint32_t)i;
    for (size_t i = nodes - 1; i > 0; i--) { // Sattolo's shuffle leaves a single cycle
        size_t const j = next_random() % i;
        uint32_t const kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (size_t i = 0; i < nodes; i++) *(void**)(memory + 64 * i) = memory + 64 * (size_t)order[i];
    void** at = (void**)memory;
    for (uint32_t i = 0; i < steps; i += 8) {
        at = *at, at = *at, at = *at, at = *at;
        at = *at, at = *at, at = *at, at = *at;
    }
    sink = (uint32_t)(uintptr_t)at;
    free(order);
    munmap(memory, bytes);
}

static void run_chase64k(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) chase(64 << 10, 1000000);
}

static void run_chase64m(uint32_t n) { chase(64 << 20, n * 1000000u); }

enum { matrix_size = 256 };
static double left[matrix_size][matrix_size], right[matrix_size][matrix_size], product[matrix_size][matrix_size];

#define MATRIX_PRODUCT(name, unit)                                          \
    __attribute__((target(unit))) NOINLINE static void name(uint32_t n) {   \
        for (int i = 0; i < matrix_size; i++)                               \
            for (int j = 0; j < matrix_size; j++) {                         \
                left[i][j] = i * 0.5 + j;                                   \
                right[i][j] = i - j * 0.25;                                 \
            }                                                               \
        for (uint32_t round = 0; round < n; round++)                        \
            for (int i = 0; i < matrix_size; i++)                           \
                for (int j = 0; j < matrix_size; j++) {                     \
                    double sum = 0;                                         \
                    for (int k = 0; k < matrix_size; k++) sum += left[i][k] * right[k][j]; \
                    product[i][j] = sum + round;                            \
                }                                                           \
        sink = (uint32_t)product[3][5];                                     \
    }
MATRIX_PRODUCT(run_matmul_sse2, "sse2,fpmath=sse")
MATRIX_PRODUCT(run_matmul_x87, "fpmath=387")

static int compare_integers(void const* a, void const* b) {
    int const x = *(int const*)a, y = *(int const*)b;
    return (x > y) - (x < y);
}

static void run_qsort(uint32_t n) {
    int* const values = malloc(n * sizeof *values);
    for (uint32_t i = 0; i < n; i++) values[i] = (int)next_random();
    qsort(values, n, sizeof *values, compare_integers);
    sink = (uint32_t)values[n / 2];
}

// 64-bit arithmetic on a 32-bit processor: ADC, SBB, MUL, SHLD.
static void run_u64(uint32_t n) {
    uint64_t state = 88172645463325252ull, sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        sum += state * 0x9e3779b97f4a7c15ull;
        sum -= i;
    }
    sink = (uint32_t)(sum >> 32);
}

// n copies of a mebibyte.
static void run_repmovs(uint32_t n) {
    char *const from = malloc(mebi), *const to = malloc(mebi);
    memset(from, 1, mebi);
    memset(to, 2, mebi);
    for (uint32_t i = 0; i < n; i++) {
        void* target = to;
        void const* source = from;
        uint32_t words = mebi / 4;
        __asm__ volatile("rep movsl" : "+D"(target), "+S"(source), "+c"(words)::"memory");
    }
    sink = (uint32_t)to[77];
}

// ---- a small byte-code machine, dispatched in two ways ----

enum { program_size = 4096 };
static uint8_t program[program_size];

static void make_program(void) {
    for (int i = 0; i < program_size; i++) program[i] = next_random() & 7;
}

typedef struct {
    uint32_t r[4];
    uint32_t pc;
} Machine;

NOINLINE static void op_add(Machine* m) { m->r[0] += m->r[1]; }
NOINLINE static void op_mix(Machine* m) { m->r[1] ^= m->r[2] << 3; }
NOINLINE static void op_step(Machine* m) { m->r[2] = m->r[2] * 1664525u + 1013904223u; }
NOINLINE static void op_subtract(Machine* m) { m->r[3] -= m->r[0] >> 2; }
NOINLINE static void op_xor(Machine* m) { m->r[0] ^= m->r[3]; }
NOINLINE static void op_skip(Machine* m) {
    if (m->r[2] & 1) m->pc++;
}
NOINLINE static void op_where(Machine* m) { m->r[1] += m->pc; }
NOINLINE static void op_rotate(Machine* m) { m->r[3] = m->r[3] << 7 | m->r[3] >> 25; }

static void (*const operations[8])(Machine*) = {op_add, op_mix,  op_step,  op_subtract,
                                                op_xor, op_skip, op_where, op_rotate};

// By calls through a table.
static void run_icall(uint32_t n) {
    make_program();
    Machine m = {{1, 2, 3, 4}, 0};
    for (uint32_t i = 0; i < n; i++) {
        operations[program[m.pc % program_size]](&m);
        m.pc++;
    }
    sink = m.r[0] + m.r[3];
}

// By jumps through a table.
static void run_switch(uint32_t n) {
    static void* const labels[8] = {&&add, &&mix, &&step, &&subtract, &&exclusive, &&skip, &&where, &&rotate};
    make_program();
    uint32_t x = 1, y = 2, z = 3, w = 4, pc = 0;
#define NEXT                                        \
    do {                                            \
        if (!n--) goto done;                        \
        goto* labels[program[pc++ % program_size]]; \
    } while (0)
    NEXT;
add:       x += y; NEXT;
mix:       y ^= z << 3; NEXT;
step:      z = z * 1664525u + 1013904223u; NEXT;
subtract:  w -= x >> 2; NEXT;
exclusive: x ^= w; NEXT;
skip:      if (z & 1) pc++; NEXT;
where:     y += pc; NEXT;
rotate:    w = w << 7 | w >> 25; NEXT;
done:
    sink = x + y + z + w;
}

// Self-modifying code: patches an immediate, then calls it.
static void run_smc(uint32_t n) {
    uint8_t* const code = map(page, PROT_READ | PROT_WRITE | PROT_EXEC);
    code[0] = 0xb8; // MOV EAX, imm32
    code[5] = 0xc3; // RET
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(code + 1, &i, sizeof i);
        __asm__ volatile("" ::: "memory");
        sum += ((uint32_t(*)(void))code)();
    }
    if (sum != (uint32_t)((uint64_t)n * (n - 1) / 2)) {
        puts("smc: wrong sum");
        exit(1);
    }
}

// ---- time ----

static void run_clock_gettime(uint32_t n) {
    struct timespec now = {0, 0};
    for (uint32_t i = 0; i < n; i++) clock_gettime(CLOCK_MONOTONIC, &now);
    sink = (uint32_t)now.tv_nsec;
}

static void run_rdtsc(uint32_t n) {
    uint32_t low = 0, high;
    for (uint32_t i = 0; i < n; i++) __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    sink = low;
}

// ---- the kernel ----

static void run_int80(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int result;
        __asm__ volatile("int $0x80" : "=a"(result) : "0"(SYS_getppid) : "memory");
        sink = (uint32_t)result;
    }
}

// By the entry in the vDSO, which is SYSENTER where there is one.
static void run_syscall(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) sink = (uint32_t)getppid();
}

// A byte to another process and back.
static void run_pipe(uint32_t n) {
    int there[2], back[2];
    char byte = 0;
    if (pipe(there) || pipe(back)) fail("pipe");
    if (!fork_or_fail()) {
        for (uint32_t i = 0; i < n; i++)
            if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) _exit(1);
        _exit(0);
    }
    for (uint32_t i = 0; i < n; i++)
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) fail("pipe");
    wait(NULL);
}

static void run_fork(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        pid_t const child = fork_or_fail();
        if (!child) _exit(0);
        waitpid(child, NULL, 0);
    }
}

static void run_exec(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        pid_t const child = fork_or_fail();
        if (!child) {
            execl(this_program, "micro", "nothing", "0", (char*)NULL);
            _exit(1);
        }
        int status;
        waitpid(child, &status, 0);
        if (status) {
            puts("exec failed");
            exit(1);
        }
    }
}

// 16 MiB mapped, each page touched, unmapped: 4,096 faults.
static void run_fault(uint32_t n) {
    size_t const bytes = 16 * mebi;
    for (uint32_t i = 0; i < n; i++) {
        char* const memory = map(bytes, PROT_READ | PROT_WRITE);
        madvise(memory, bytes, MADV_NOHUGEPAGE);
        for (size_t at = 0; at < bytes; at += page) memory[at] = 1;
        munmap(memory, bytes);
    }
}

static void run_mprotect(uint32_t n) {
    char* const memory = map(16 * page, PROT_READ | PROT_WRITE);
    for (uint32_t i = 0; i < n; i++) {
        mprotect(memory, page, PROT_READ);
        mprotect(memory, page, PROT_READ | PROT_WRITE);
        memory[5] = (char)i;
    }
}

static volatile sig_atomic_t signals_seen;
static void count_signal(int number) {
    (void)number;
    signals_seen++;
}

static void run_signal(uint32_t n) {
    signal(SIGUSR1, count_signal);
    pid_t const self = getpid();
    for (uint32_t i = 0; i < n; i++) kill(self, SIGUSR1);
    if ((uint32_t)signals_seen != n) exit(1);
}

static void run_open(uint32_t n) {
    struct stat status;
    for (uint32_t i = 0; i < n; i++) {
        int const file = open(this_program, O_RDONLY);
        if (file < 0) fail("open");
        fstat(file, &status);
        close(file);
    }
}

static void run_nothing(uint32_t n) { (void)n; }

#define ENTRY(name) {#name, run_##name}
static const struct {
    char const* name;
    void (*run)(uint32_t);
} programs[] = {ENTRY(fib),    ENTRY(chase64k), ENTRY(chase64m), ENTRY(matmul_sse2), ENTRY(matmul_x87),
                ENTRY(qsort),  ENTRY(icall),    ENTRY(switch),   ENTRY(u64),         ENTRY(repmovs),
                ENTRY(smc),    ENTRY(rdtsc),    ENTRY(int80),    ENTRY(clock_gettime), ENTRY(syscall),
                ENTRY(pipe),   ENTRY(fork),     ENTRY(exec),     ENTRY(fault),       ENTRY(mprotect),
                ENTRY(signal), ENTRY(open),     ENTRY(nothing)};

int main(int count, char** words) {
    if (readlink("/proc/self/exe", this_program, sizeof this_program - 1) < 0) fail("/proc/self/exe");
    for (size_t i = 0; count == 3 && i < sizeof programs / sizeof *programs; i++)
        if (!strcmp(programs[i].name, words[1])) {
            programs[i].run((uint32_t)strtoul(words[2], NULL, 0));
            return 0;
        }
    fputs("usage: micro NAME COUNT\n", stderr);
    return 2;
}
