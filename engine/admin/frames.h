// What the admin socket speaks (DATA/admin.sock, a Unix stream socket of mode 0600): one request, a line of text,
//
//   profile SECONDS HERTZ      or      trace SECONDS
//
// and the answer, a stream of frames in this machine's byte order until ADMIN_END or ADMIN_ERROR. A client that leaves
// ends what it asked for.
//
//   profile: FACTS, THREADs, ACCOUNTs, then SAMPLES as they come, LOSTs, ACCOUNTs, FACTS, END
//   trace:   FACTS, THREADs, then EVENTS as they come, LOSTs, END
#ifndef GANTRY_ENGINE_ADMIN_FRAMES_H
#define GANTRY_ENGINE_ADMIN_FRAMES_H

#include "shard/stage.h"
#include "shard/timeline.h"

#define ADMIN_SOCKET_NAME "admin.sock"
#define ADMIN_REQUEST_MAX 64u // with the line feed
#define ADMIN_SECONDS_MAX 600u
#define ADMIN_HERTZ_MAX 10000u
#define ADMIN_THREADS_MAX 512u
#define ADMIN_FRAME_BYTES_MAX (1u << 20)
#define ADMIN_FRAMES_DEEP 96u // return addresses of a sample at most

enum admin_frame_kind {
    ADMIN_FACTS = 1, // text: lines "key value"
    ADMIN_THREAD,    // text: its name
    ADMIN_ACCOUNT,   // struct admin_account
    ADMIN_SAMPLES,   // words: admin_sample_head and as many addresses as it says, innermost first; again
    ADMIN_EVENTS,    // struct timeline_event, oldest first
    ADMIN_LOST,      // uint64_t: samples or events of the thread that did not fit
    ADMIN_END,
    ADMIN_ERROR, // text: a sentence
    ADMIN_BEAT,  // nothing: the node lives, and has nothing to tell
};

struct admin_frame {
    uint32_t kind;
    uint32_t thread; // number, where it is of one
    uint32_t bytes;  // that follow
    uint32_t zero;
};

// A sample stands for the thread's CPU time since the sample before it.
#define ADMIN_SAMPLE_HEAD(cpu_ns, in_kernel, stage, depth)                                                             \
    ((uint64_t)(cpu_ns) << 24 | (uint64_t)(in_kernel) << 16 | (uint64_t)(stage) << 8 | (depth))
#define ADMIN_SAMPLE_CPU_NS(head) ((head) >> 24)
#define ADMIN_SAMPLE_IN_KERNEL(head) (((head) >> 16 & 0xff) != 0)
#define ADMIN_SAMPLE_STAGE(head) ((unsigned)((head) >> 8 & 0xff))
#define ADMIN_SAMPLE_DEPTH(head) ((unsigned)((head)&0xff))
#define ADMIN_NO_STAGE STAGE_COUNT // of a thread that has none

enum admin_counter { ADMIN_CYCLES, ADMIN_INSTRUCTIONS, ADMIN_CACHE_MISSES, ADMIN_BRANCH_MISSES, ADMIN_COUNTERS };

// Of a thread since its start.
struct admin_account {
    uint64_t cpu_ns;
    uint64_t stages[STAGE_COUNT];      // cycles of the time stamp counter; all 0 where it has no stages
    uint64_t counters[ADMIN_COUNTERS]; // of the processor; since sampling began
    uint64_t has_counters;             // bit by bit
};

#endif
