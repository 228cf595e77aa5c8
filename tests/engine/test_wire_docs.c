// docs/wire.md names each type with its limit, and the bounds of connections as the code has them.
#include "engine/net/gate.h"
#include "engine/net/wire/limits.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static char *page;

static void setup(void)
{
    char *path = project_path("docs/wire.md");
    page = vectors_read(path, NULL);
    free(path);
}

static void teardown(void)
{
    free(page);
}

TestSuite(wire_docs, .init = setup, .fini = teardown);

static const char *grouped(uint32_t n)
{
    static char text[32];
    if (n >= 1000000)
        snprintf(text, sizeof text, "%u,%03u,%03u", n / 1000000, n / 1000 % 1000, n % 1000);
    else if (n >= 1000)
        snprintf(text, sizeof text, "%u,%03u", n / 1000, n % 1000);
    else
        snprintf(text, sizeof text, "%u", n);
    return text;
}

static void expect(const char *text)
{
    cr_assert_not_null(strstr(page, text), "docs/wire.md lacks \"%s\"", text);
}

Test(wire_docs, list_every_type_with_its_channel_and_limit)
{
    for (unsigned type = 0; type < 256; type++) {
        const struct wire_limit *limit = wire_limit_of(type);
        char row[120];
        if (!limit)
            continue;
        snprintf(row, sizeof row, "\n| %u | %s | %s | %s |\n", type, limit->name,
                 type == WIRE_HELLO            ? "either, first"
                 : limit->channel == WIRE_BULK ? "bulk"
                                               : "control",
                 limit->bytes_max ? grouped(limit->bytes_max) : "refused");
        expect(row);
    }
}

Test(wire_docs, name_the_bounds)
{
    char text[200];
    snprintf(text, sizeof text, "| from accepted or dialed to greeted | %u s |", (unsigned)(LINK_OPEN_NS / 1000000000));
    expect(text);
    snprintf(text, sizeof text, "| %u, of which strangers' (from addresses of no peer) %u |", GATE_PENDING_MAX,
             GATE_STRANGERS_MAX);
    expect(text);
    snprintf(text, sizeof text, "| %u at once, then %u a second |", GATE_BURST,
             (unsigned)(1000000000 / GATE_INTERVAL_NS));
    expect(text);
    snprintf(text, sizeof text, "| %u at once, then %u a second |", GATE_ALL_BURST,
             (unsigned)(1000000000 / GATE_ALL_INTERVAL_NS));
    expect(text);
    snprintf(text, sizeof text, "| %s at once, then %u a second |", grouped(GATE_PEER_BURST),
             (unsigned)(1000000000 / GATE_PEER_INTERVAL_NS));
    expect(text);
    snprintf(text, sizeof text, "to a peer, control | %u MiB |", LINK_CONTROL_QUEUE_BYTES >> 20);
    expect(text);
    snprintf(text, sizeof text, "to a peer, bulk | %u MiB a connection |", LINK_BULK_QUEUE_BYTES >> 20);
    expect(text);
    snprintf(text, sizeof text, "up to %s | the chunk |", grouped(FRAME_CHUNK_MAX));
    expect(text);
    snprintf(text, sizeof text, "4 bytes its length (%u to %s)", 109, grouped(WIRE_STRIPE_BYTES_MAX));
    expect(text);
    snprintf(text, sizeof text, "at most %s bytes together", grouped(WIRE_CAR_BYTES_MAX));
    expect(text);
}
