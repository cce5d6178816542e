// flat: a multiboot kernel that is no ELF file. Its header says itself what is loaded where (flag 16, "a.out kludge"),
// and it checks what its loader did:
//
//     the registers, the bytes behind the file's end (bss) being zero, that every module begins on a page,
//     and that each module's first byte is its number's digit: '0', '1', ...
//
// It prints its command line and its modules' on the debug port, and ends by the debug-exit device at F4H with 16 if all
// is well (status 33), else with the number of the check that failed (status 2 n + 1).

#define MAGIC 0x1badb002
#define FLAGS 0x10007 /* modules on pages, memory sizes, video information, address fields */
#define LOADER_MAGIC 0x2badb002
#define DEBUG_PORT 0xe9
#define EXIT_PORT 0xf4
#define INFO_FLAGS 0x49 /* memory sizes, modules, memory map */

    .section .text
    .globl _start
header:
    .long MAGIC, FLAGS, -(MAGIC + FLAGS)
    .long header, header, load_end, bss_end, _start

_start:
    mov $stack_top, %esp
    mov %ebx, %ebp              // the information structure, for good
    mov $1, %edx                // the check that is under way
    cmp $LOADER_MAGIC, %eax
    jne failed

    inc %edx                    // 2: what the loader knows
    mov (%ebp), %eax
    and $INFO_FLAGS, %eax
    cmp $INFO_FLAGS, %eax
    jne failed

    inc %edx                    // 3: bss
    mov $load_end, %edi
    mov $bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    cld
    repe scasb
    jne failed

    mov 16(%ebp), %esi
    call print_line

    inc %edx                    // 4: modules
    mov 20(%ebp), %ecx          // how many
    mov 24(%ebp), %edi          // their list
    mov $'0', %bl
next_module:
    jecxz passed
    mov 8(%edi), %esi
    call print_line
    mov (%edi), %eax
    test $0xfff, %eax
    jnz failed
    cmp %bl, (%eax)
    jne failed
    inc %bl
    add $16, %edi
    dec %ecx
    jmp next_module

passed:
    mov $16, %edx
failed:
    mov %edx, %eax
    out %eax, $EXIT_PORT
1:  cli
    hlt
    jmp 1b

// Prints the string at ESI and a new line. Changes EAX, ESI.
print_line:
    lodsb
    test %al, %al
    jz 1f
    out %al, $DEBUG_PORT
    jmp print_line
1:  mov $'\n', %al
    out %al, $DEBUG_PORT
    ret

    .balign 16
load_end:
    .set stack_top, load_end + 8192
    .set bss_end, load_end + 8192

    .section .note.GNU-stack, "", @progbits
