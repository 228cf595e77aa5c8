// What comes over the admin socket, both ways: any bytes as a request; any frames as a profile's and a trace's answer.
#include "engine/admin/admin_request.h"
#include "tools/observe/profile.h"
#include "tools/observe/trace_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_request(struct bytes line)
{
    struct admin_request r;
    const char *why = NULL;
    if (!admin_request_parse(&r, line, &why)) {
        if (!why)
            abort();
    } else if (r.seconds < 1 || r.seconds > ADMIN_SECONDS_MAX || r.hertz > ADMIN_HERTZ_MAX) {
        abort();
    }
}

// A frame a byte of kind, one of thread and one of length.
static const uint8_t *next_frame(struct bytes *in, struct admin_frame *frame)
{
    if (in->len < 3)
        return NULL;
    const uint32_t length = in->ptr[2] < in->len - 3 ? in->ptr[2] : (uint32_t)(in->len - 3);
    *frame = (struct admin_frame){in->ptr[0] % (ADMIN_ERROR + 2), in->ptr[1], length, 0};
    const uint8_t *payload = in->ptr + 3;
    *in = bytes_of(payload + length, in->len - 3 - length);
    return payload;
}

static void fuzz_profile(struct bytes in)
{
    static struct profile p;
    struct admin_frame frame;
    const uint8_t *payload;
    char error[OBSERVE_ERROR_MAX];
    profile_init(&p);
    while ((payload = next_frame(&in, &frame)) != NULL) {
        // No process is looked at, whatever number comes.
        char text[8];
        if (frame.kind == ADMIN_FACTS && observe_fact(text, sizeof text, bytes_of(payload, frame.bytes), "pid"))
            continue;
        if (!profile_take(&p, &frame, payload, error))
            break;
    }
    profile_free(&p);
}

static void fuzz_trace(struct bytes in)
{
    struct admin_frame frame;
    const uint8_t *payload;
    char error[OBSERVE_ERROR_MAX];
    FILE *out = fopen("/dev/null", "w");
    struct trace_json *t = trace_json_create(out);
    while ((payload = next_frame(&in, &frame)) != NULL && trace_json_take(t, &frame, payload, error))
        continue;
    trace_json_free(t);
    fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct bytes in = bytes_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        fuzz_request(in);
    else if (data[0] % 3 == 1)
        fuzz_profile(in);
    else
        fuzz_trace(in);
    return 0;
}
