// One connection that a load is sent over: frames of the ingest port, or eth_sendRawTransaction over a WebSocket. Both
// are pipelined: items are handed in at any time, go out as the socket and the window allow, and their answers come
// when they come. Never waits once it is open. One thread.
#ifndef GANTRY_TOOLS_LOAD_LOAD_LINK_H
#define GANTRY_TOOLS_LOAD_LOAD_LINK_H

#include "tools/load/load_set.h"
#include "tools/load/rpc_client.h"

struct load_link;

struct load_link_events {
    void *ctx;
    void (*sent)(void *ctx, uint32_t item);                            // it is in the buffer that goes to the socket
    void (*answered)(void *ctx, uint32_t item, enum tx_status status); // TX_STATUS_COUNT: refused in unknown words
};

// NULL with error. chain_id is what the node says.
struct load_link *load_link_ingest(const char *host, uint16_t port, uint64_t *chain_id, char error[LOAD_ERROR_MAX]);
struct load_link *load_link_rpc(const struct rpc_url *ws, char error[LOAD_ERROR_MAX]);
void load_link_close(struct load_link *l);

// Queues an item.
void load_link_push(struct load_link *l, uint32_t item);
// Takes answers, then sends what may go. False with error when the connection is over.
MUST_CHECK bool load_link_pump(struct load_link *l, const struct load_set *set, const struct load_link_events *events,
                               char error[LOAD_ERROR_MAX]);

// Queued or unanswered.
bool load_link_busy(const struct load_link *l);
// Queued items that the node's window or the socket held back at the last pump: the node's backpressure.
size_t load_link_held(const struct load_link *l);

// The status that has these words, TX_STATUS_COUNT when none has.
enum tx_status load_status_of_text(struct bytes text);

#endif
