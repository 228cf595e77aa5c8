// The ingest port's connections of one shard, on its io_uring: accept, receive into provided buffers, frames into the
// verification batch, answers back in order. The acceptor (the shard with the listener) hands connections round.
//
// Backpressure. While the shard has no room (receive_has_room) nothing is taken from any connection; what came stays in
// the provided buffers, and when those run out the kernel stops receiving and TCP tells the clients. Connections that
// found no buffer are served in turn, one buffer after the other. A connection whose window is full, because its client
// does not read its answers, is paused alone: it gives its buffers back and is not received from, until all that came
// from it before is taken. So it can hold at most what one burst brings (LOOP_BUFFER_COUNT buffers) and its frame.
//
// Cost. A connection whose transactions cost much more than others' through their own fault (standing.h) is ended: what
// it sent further is not looked at, and its last answer says why.
//
// Owner: the shard's thread.
#ifndef GANTRY_SHARD_INGEST_SERVER_H
#define GANTRY_SHARD_INGEST_SERVER_H

#include "shard/shard.h"

struct ingest_server;

struct ingest_server *ingest_create(struct shard *s);
void ingest_free(struct ingest_server *server);
void ingest_listen(struct ingest_server *server, int listen_fd); // arms the accept
void ingest_adopt(struct ingest_server *server, int fd);         // a connection that the acceptor handed over
// Takes frames from what was received, round the connections.
void ingest_take_frames(struct ingest_server *server);
// Is there more to take, and room for it?
bool ingest_has_work(const struct ingest_server *server);
// Submits sends for connections that have answers.
void ingest_send_answers(struct ingest_server *server);
// What only time brings on: ends connections whose clients don't, accepts again after a failure. Now and then while
// ingest_wants_tick.
void ingest_tick(struct ingest_server *server, uint64_t now_ns);
bool ingest_wants_tick(const struct ingest_server *server);
// No more connections from now on.
void ingest_stop_accepting(struct ingest_server *server);
// Sends what is still to be sent (for 200 ms at most) and closes everything; afterwards the kernel holds none of this
// shard's memory for its connections.
void ingest_end(struct ingest_server *server);

#endif
