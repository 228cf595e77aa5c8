// The ingest port's connections of one shard, on its io_uring: accept, receive into provided buffers, frames into the
// verification batch, answers back in order. The acceptor (the shard with the listener) hands connections round.
//
// Backpressure: frames are taken only while the shard has room (receive_has_room) and the connection's answers are
// within the window. What is not taken stays in the provided buffers; when those run out the kernel stops receiving,
// and TCP tells the client. Owner: the shard's thread.
#ifndef GANTRY_SHARD_INGEST_SERVER_H
#define GANTRY_SHARD_INGEST_SERVER_H

#include "shard/shard.h"

struct ingest_server;

struct ingest_server *ingest_create(struct shard *s);
void ingest_free(struct ingest_server *server);
void ingest_listen(struct ingest_server *server, int listen_fd); // arms the accept
void ingest_adopt(struct ingest_server *server, int fd);         // a connection that the acceptor handed over
// Takes frames from what was received, round the connections. Returns true when there is more to take.
bool ingest_take_frames(struct ingest_server *server);
// Submits sends for connections that have answers.
void ingest_send_answers(struct ingest_server *server);

#endif
