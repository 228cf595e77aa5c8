#include "tools/observe/admin_stream.h"

#include "engine/admin/admin.h"
#include "engine/admin/admin_socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// Frames come at least as often as buffers are emptied; a node that says nothing for so long has stopped.
#define SILENCE_MS 15000

bool observe_fact(char *out, size_t cap, struct bytes facts, const char *key)
{
    const size_t len = strlen(key);
    const char *p = (const char *)facts.ptr, *end = p + facts.len;
    while (p < end) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        line_end = line_end ? line_end : end;
        if ((size_t)(line_end - p) > len && memcmp(p, key, len) == 0 && p[len] == ' ') {
            snprintf(out, cap, "%.*s", (int)(line_end - p - (long)len - 1), p + len + 1);
            return true;
        }
        p = line_end + 1;
    }
    return false;
}

static bool malformed(char error[OBSERVE_ERROR_MAX], const char *what)
{
    snprintf(error, OBSERVE_ERROR_MAX, "the node's answer is malformed: %s", what);
    return false;
}

static bool take_facts(struct observe_node *node, struct bytes facts, char error[OBSERVE_ERROR_MAX])
{
    char text[64];
    (void)!observe_fact(node->version, sizeof node->version, facts, "version");
    if (observe_fact(text, sizeof text, facts, "pid"))
        node->pid = strtoull(text, NULL, 10);
    if (observe_fact(text, sizeof text, facts, "start_cycles"))
        node->start_cycles = strtoull(text, NULL, 10);
    if (!observe_fact(text, sizeof text, facts, "cycles_per_ns"))
        return true;
    node->cycles_per_ns = strtod(text, NULL);
    return (node->cycles_per_ns > 0.01 && node->cycles_per_ns < 100) || malformed(error, "cycles_per_ns");
}

bool observe_node_take(struct observe_node *node, const struct admin_frame *frame, const uint8_t *payload,
                       char error[OBSERVE_ERROR_MAX])
{
    switch (frame->kind) {
    case ADMIN_FACTS:
        return take_facts(node, bytes_of(payload, frame->bytes), error);
    case ADMIN_THREAD:
        if (frame->thread != node->thread_count || frame->thread == ADMIN_THREADS_MAX)
            return malformed(error, "threads out of order");
        snprintf(node->threads[node->thread_count++].name, sizeof node->threads[0].name, "%.*s", (int)frame->bytes,
                 (const char *)payload);
        return true;
    case ADMIN_LOST:
        if (frame->bytes != sizeof(uint64_t) || frame->thread >= node->thread_count)
            return malformed(error, "a count of lost samples");
        memcpy(&node->threads[frame->thread].lost, payload, sizeof(uint64_t));
        return true;
    default:
        return true;
    }
}

// ---- the socket

static bool receive(int fd, void *out, size_t len, const volatile int *stop, char error[OBSERVE_ERROR_MAX])
{
    uint8_t *p = out;
    while (len > 0) {
        // The node then sends what is left, and the end.
        if (*stop)
            shutdown(fd, SHUT_WR);
        const ssize_t n = recv(fd, p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            snprintf(error, OBSERVE_ERROR_MAX,
                     n == 0 ? "the node has ended, or broke off its answer" : "the node does not answer");
            return false;
        }
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_frames(int fd, const volatile int *stop, admin_take *take, void *ctx, uint8_t *payload,
                        char error[OBSERVE_ERROR_MAX])
{
    struct admin_frame frame = {0};
    bool good = true;
    while (good && frame.kind != ADMIN_END) {
        good = receive(fd, &frame, sizeof frame, stop, error) &&
               (frame.bytes <= ADMIN_FRAME_BYTES_MAX || malformed(error, "a frame is too long")) &&
               receive(fd, payload, frame.bytes, stop, error);
        if (good && frame.kind == ADMIN_ERROR) {
            snprintf(error, OBSERVE_ERROR_MAX, "%.*s", (int)frame.bytes, (const char *)payload);
            return false;
        }
        good = good && take(ctx, &frame, payload, error);
    }
    return good;
}

bool admin_ask(const char *data, const char *request, const volatile int *stop, admin_take *take, void *ctx,
               char error[OBSERVE_ERROR_MAX])
{
    char message[ADMIN_MESSAGE_MAX], line[ADMIN_REQUEST_MAX];
    const int fd = admin_connect(data, SILENCE_MS, message);
    if (fd < 0) {
        snprintf(error, OBSERVE_ERROR_MAX, "%s", message);
        return false;
    }
    uint8_t *payload = malloc(ADMIN_FRAME_BYTES_MAX);
    if (!payload)
        abort();
    const int n = snprintf(line, sizeof line, "%s\n", request);
    // A busy node says so without reading it.
    (void)!admin_socket_send(fd, line, (size_t)n);
    const bool good = read_frames(fd, stop, take, ctx, payload, error);
    free(payload);
    close(fd);
    return good;
}

static volatile int stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

bool admin_ask_until_signal(const char *data, const char *request, admin_take *take, void *ctx,
                            char error[OBSERVE_ERROR_MAX])
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return admin_ask(data, request, &stopped, take, ctx, error);
}
