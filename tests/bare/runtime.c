#include "tests/bare/runtime.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"

// Above the stack (link.ld).
#define HEAP 0x8000000
#define HEAP_END 0x18000000

static void out_byte(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "d"(port));
}

static uint8_t in_byte(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "d"(port));
    return value;
}

void print(const char *text)
{
    out_byte(0x3f8 + 3, 3); // eight bits a byte
    for (; *text; text++) {
        while (!(in_byte(0x3f8 + 5) & 0x20))
            ;
        out_byte(0x3f8, (uint8_t)*text);
    }
}

void print_number(uint64_t number)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    print(at);
}

_Noreturn void finish(void)
{
    while (!(in_byte(0x3f8 + 5) & 0x40))
        ;
    for (const char *word = "Shutdown"; *word; word++)
        out_byte(0x8900, (uint8_t)*word);
    for (;;)
        __asm__ volatile("hlt");
}

// The emulator counts every step of a string instruction, so copies are made of larger ones.
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    typedef uint64_t block __attribute__((vector_size(16), aligned(1)));
    uint8_t *out = to;
    const uint8_t *in = from;
    for (; n >= sizeof(block); n -= sizeof(block), out += sizeof(block), in += sizeof(block))
        *(block *)out = *(const block *)in;
    __asm__ volatile("rep movsb" : "+D"(out), "+S"(in), "+c"(n) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if (out <= in || out >= in + n)
        return memcpy(to, from, n);
    while (n-- > 0) {
        out[n] = in[n];
        __asm__ volatile("");
    }
    return to;
}

void *memset(void *to, int value, size_t n)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(value) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *left = a, *right = b;
    for (size_t i = 0; i < n; i++) {
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    static uintptr_t next = HEAP;
    const uintptr_t at = (next + alignment - 1) / alignment * alignment;
    if (size > HEAP_END - at)
        return NULL;
    next = at + size;
    return (void *)at;
}

void free(void *memory)
{
    (void)memory;
}

int pthread_once(pthread_once_t *once, void (*initialize)(void))
{
    if (*once == PTHREAD_ONCE_INIT) {
        *once = 1;
        initialize();
    }
    return 0;
}

bool cpu_has_bmi2(void)
{
    return false;
}

bool cpu_has_avx2(void)
{
    return false;
}

bool cpu_has_avx512(void)
{
    return false;
}
