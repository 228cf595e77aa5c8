// The call chain of an interrupted thread, by frame pointers. Async-signal-safe; reads only the thread's own stack and
// this program's text.
//
// Libraries keep no frame pointers. Where the interrupt came inside one, the call that led there is looked for on the
// top of the stack; other frames of libraries are missing.
#ifndef GANTRY_ENGINE_ADMIN_UNWIND_H
#define GANTRY_ENGINE_ADMIN_UNWIND_H

#include "base/bytes.h"

#include <ucontext.h>

// Up to max addresses, innermost first: where it was, then return addresses. *in_kernel: it was on its way back from a
// system call.
size_t unwind(const ucontext_t *at, uint64_t *out, size_t max, bool *in_kernel);

#endif
