// The points of a node's timeline: one table for the trace (shard/timeline.h), the static probes (provider gantry) and
// docs/profiling.md.
//
// X(name, kind, what a is, what b is, meaning). Kinds: SPAN begins and ends on its thread, inside of what began before
// it; WAIT begins and ends among others, b telling which one; MARK has no length. The labels are empty where there is
// no value.
#ifndef GANTRY_SHARD_TIMELINE_POINTS_H
#define GANTRY_SHARD_TIMELINE_POINTS_H

#define TIMELINE_POINTS(X)                                                                                             \
    X(sleep, SPAN, "", "", "The thread sleeps in its ring.")                                                           \
    X(messages, SPAN, "messages", "", "Messages of other threads are handled.")                                        \
    X(frames, SPAN, "", "", "Frames of the ingest port are decoded.")                                                  \
    X(verify, SPAN, "transactions", "", "A batch is hashed and its signatures are verified.")                          \
    X(pool, SPAN, "transactions", "", "Verified transactions go to their pools.")                                      \
    X(propose, SPAN, "transactions_max", "", "The pool chooses transactions for a block.")                             \
    X(senders, SPAN, "round", "height", "Pass 1 of a round: transactions on their senders' shard.")                    \
    X(calls, SPAN, "round", "height", "Pass 2 of a round: calls on their targets' shard.")                             \
    X(parcels, WAIT, "step", "height", "A shard has done its part of a pass and awaits the others' parcels.")          \
    X(trie, SPAN, "partitions", "height", "Changed accounts go into the tries, which are hashed.")                     \
    X(settle, SPAN, "transactions", "height", "The pool is told what became of a block's transactions.")               \
    X(background, SPAN, "", "", "A piece of work that may wait.")                                                      \
    X(consensus, SPAN, "", "", "A turn of ordering: messages, timers, cars, effects.")                                 \
    X(list, WAIT, "transactions", "number", "An ordered list, from its execution's start until its pools know.")       \
    X(round, WAIT, "round", "height", "The coordinator awaits all shards' round.")                                     \
    X(gather, WAIT, "", "height", "The coordinator awaits what is left over for the global pass.")                     \
    X(global, SPAN, "transactions", "height", "Pass 3: what ran on no shard, on the coordinator.")                     \
    X(close, WAIT, "", "height", "The coordinator awaits all shards' tries.")                                          \
    X(assemble, SPAN, "transactions", "height", "Bodies, receipts and their tries are made.")                          \
    X(seal, SPAN, "transactions", "height", "State root, header and record are made, and appended to the log.")        \
    X(fsync, WAIT, "", "height", "A block log's fsync group, from the hand-over until it is durable.")                 \
    X(settling, WAIT, "", "height", "The coordinator awaits that all pools have settled.")                             \
    X(view, MARK, "epoch", "view", "A view was entered.")                                                              \
    X(vote, MARK, "own_votes", "view", "Own votes (notarize, nullify, finalize) were made.")                           \
    X(final, MARK, "", "height", "A block of ordering became final.")                                                  \
    X(checkpoint, MARK, "", "height", "A checkpoint of the state was handed to its thread.")

#endif
