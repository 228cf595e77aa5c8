// A disk's first sector and what follows it: from the BIOS to main() in 64-bit mode with AVX-512 enabled. The first
// sector reads the image, then maps the first GiB of memory as it is.
.set IMAGE, 0x10000 // where link.ld puts the image
.set TABLES, 0x1000
.set SECTORS_A_READ, 64

.section .boot, "ax"
.code16
.global start
start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $image_reads, %cx
read:
    push %cx
    mov $packet, %si
    mov $0x42, %ah
    int $0x13
    jc stop
    addw $(SECTORS_A_READ * 512 / 16), packet_segment
    addl $SECTORS_A_READ, packet_sector
    pop %cx
    loop read

    // One table each of levels 4, 3 and 2; 2 MiB pages.
    mov $TABLES, %edi
    mov %edi, %cr3
    xor %eax, %eax
    mov $(3 * 4096 / 4), %ecx
    rep stosl
    movl $(TABLES + 0x1003), TABLES
    movl $(TABLES + 0x2003), TABLES + 0x1000
    mov $(TABLES + 0x2000), %edi
    mov $0x83, %eax
    mov $512, %ecx
page:
    mov %eax, (%di)
    add $0x200000, %eax
    add $8, %di
    loop page

    in $0x92, %al
    or $2, %al
    out %al, $0x92
    lgdt gdt_pointer
    mov $0x40620, %eax // PAE, OSFXSR, OSXMMEXCPT, OSXSAVE
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov $0x80000003, %eax // paging, no x87 emulation, protected
    mov %eax, %cr0
    ljmpl $8, $long_mode
stop:
    hlt
    jmp stop

.align 4
packet:
    .word 16, SECTORS_A_READ, 0
packet_segment:
    .word IMAGE / 16
packet_sector:
    .long 1, 0
gdt:
    .quad 0, 0x00209a0000000000
gdt_pointer:
    .word 15
    .long gdt
.org 510
    .word 0xaa55

.section .entry, "ax"
.code64
.global long_mode
long_mode:
    xor %eax, %eax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0xe7, %eax // x87, SSE, AVX, AVX-512
    xor %edx, %edx
    xor %ecx, %ecx
    xsetbv
    mov $0xc0000100, %ecx // thread-local variables lie below the base of FS
    mov $thread_end, %eax
    wrmsr
    mov $stack_top, %rsp
    mov $bss_start, %rdi
    mov $bss_end, %rcx
    sub %rdi, %rcx
    xor %eax, %eax
    rep stosb
    call main
halt:
    hlt
    jmp halt
.section .note.GNU-stack, "", @progbits
