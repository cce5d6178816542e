; A kernel that times single things a kernel does, in ticks of the time stamp counter.
;
; For each it prints a line `NAME MEDIAN MINIMUM TURNS`: ticks of one turn, with one decimal. A turn is timed in batches
; of TURNS, long enough that reading the counter costs nothing; the same loop without the thing itself is subtracted.
; A line `tsc_khz N` says first how fast the counter runs against the interval timer, so that figures of machines with
; different counters can be compared. Ends through the exit port, as tests do (guest.inc).
;
; Words of the command line: names, for these alone; `quick`, for the fewest turns that touch everything (the figures
; mean nothing then, but every line comes).
;
; As in a real kernel, its own pages are closed to level 3, and what runs at level 3 has pages of its own.
%include "guest.inc"
%include "user.inc"
%include "pic.inc"
test_name "nano"

section .text
main:
    call read_command_line
    call install_exceptions
    call install_tss
    call install_pics
    call enable_paging
    call enable_local_apic
    call install_transitions
    call calibrate_counter
    mov ebp, benchmarks
.next:
    cmp dword [ebp + benchmark.name], 0
    je .timer
    mov esi, [ebp + benchmark.name]
    call is_wanted
    jne .skip
    call measure
.skip:
    add ebp, benchmark_size
    jmp .next
.timer:
    call measure_timer
    ret

%include "measure.inc"
%include "text.inc"
%include "paging.inc"
%include "instructions.inc"
%include "page_tables.inc"
%include "transitions.inc"
%include "timer.inc"

; timed "name", BODY, EMPTY, PREPARE, MOST, PARTS: EMPTY is the loop without the thing itself, PREPARE (or 0) precedes
; each batch untimed, MOST turns fit into one, and a turn does the thing PARTS times.
%macro timed 6
    section .text
%%name: db %1, 0
    section .data
    dd %%name, %2, %3, %4, %5, %6
%endmacro

MANY  equ 1 << 22
PAGES equ 1024                  ; as many as the test area has

section .data
align 4
benchmarks:
    timed "add", add_loop, empty_loop, 0, MANY, ADDITIONS
    timed "call_ret", call_loop, empty_loop, 0, MANY, 1
    timed "call_indirect", indirect_loop, rotate_loop, 0, MANY, 1
    timed "cli_sti", cli_sti_loop, empty_loop, 0, MANY, 1
    timed "pushf_popf", pushf_popf_loop, empty_loop, 0, MANY, 1
    timed "rdtsc", rdtsc_loop, empty_loop, 0, MANY, 1
    timed "cpuid", cpuid_loop, empty_loop, 0, MANY, 1
    timed "in_pic", in_loop, empty_loop, 0, MANY, 1
    timed "lapic_eoi", eoi_loop, empty_loop, 0, MANY, 1
    timed "int80", int80_calls, user_nothing, 0, MANY, 1
    timed "sysenter", sysenter_calls, user_nothing, 0, MANY, 1
    timed "divide_error", divide_errors, user_nothing, 0, MANY, 1
    timed "page_fault", user_page_faults, user_nothing, area_absent, PAGES, 1
    timed "page_fault_kernel", kernel_page_faults, empty_loop, area_absent, PAGES, 1
    timed "cr3_same", cr3_same_loop, empty_loop, 0, MANY, 1
    timed "cr3_switch_64", cr3_switch_loop, empty_loop, area_touched, MANY, 2
    timed "pte_unchanged", pte_unchanged_loop, pte_empty_loop, area_touched, PAGES, 1
    timed "pte_p_to_np", pte_clear_loop, pte_empty_loop, area_touched, PAGES, 1
    timed "pte_p_to_np_invlpg", pte_clear_invlpg_loop, pte_empty_loop, area_touched, PAGES, 1
    timed "pte_np_to_p", pte_set_loop, pte_empty_loop, area_absent, PAGES, 1
    timed "pte_np_to_p_touch", pte_set_touch_loop, pte_empty_loop, area_absent, PAGES, 1
    dd 0
