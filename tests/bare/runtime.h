// What the kernels need of a C library, and a serial port to write to.
#ifndef GANTRY_TESTS_BARE_RUNTIME_H
#define GANTRY_TESTS_BARE_RUNTIME_H

#include <stdint.h>

int main(void);

void print(const char *text);
void print_number(uint64_t number);

// Ends the emulator.
_Noreturn void finish(void);

#endif
