// Where ordered lists went: of each of the last ones its ordering, its cars, its executed blocks, and when each step
// was done. The executor keeps one struct list_path for the list under way and puts a copy on the board when the list
// is durable; who answers questions takes one transaction's part of it. Times are monotonic; 0: not known, or not here.
#ifndef GANTRY_ENGINE_LIST_BOARD_H
#define GANTRY_ENGINE_LIST_BOARD_H

#include "shard/exec/exec.h"

// Lists on the board at most, and bytes of them; the oldest goes.
#define LIST_BOARD_LISTS 65536u
#define LIST_BOARD_BYTES ((uint64_t)16 << 20)

// A car's transactions are those before `to`, counted in the list, that no earlier car has; so are a block's.
struct list_car {
    uint32_t to;
    uint16_t lane;
    uint32_t position;
    bool acked;         // this validator has acked it
    uint64_t known_ns;  // made here, or its header came
    uint64_t stored_ns; // all of it is durable here
    uint64_t quorum_ns; // a quorum's acks were here
};

struct list_block {
    uint32_t to;
    uint64_t number;
    uint64_t begun_ns;
    uint64_t round_ns[EXEC_ROUNDS_MAX + 1]; // end of each round; the last is the global pass's
    uint64_t sealed_ns;                     // header and record are made
};

struct list_order {
    bool in_cluster; // else this node ordered it alone, and epoch to leader mean nothing
    uint64_t epoch, view, height;
    uint32_t leader;
    uint64_t ordered_ns; // sealed alone, or final
};

struct list_path {
    uint32_t number; // not 0
    struct list_order order;
    uint64_t durable_ns;
    struct list_car *cars;
    struct list_block *blocks;
    size_t car_count, block_count, car_cap, block_cap;
};

// l is zeroed. Memory is kept between lists.
void list_path_free(struct list_path *l);
void list_path_clear(struct list_path *l); // all but the number
void list_path_add_car(struct list_path *l, const struct list_car *car);
void list_path_add_block(struct list_path *l, const struct list_block *block);

struct list_board;
struct list_board *list_board_create(void);
void list_board_free(struct list_board *b); // NULL is fine
// The lists' own thread. Copies.
void list_board_put(struct list_board *b, const struct list_path *l);

// What befell transaction `index` of a list.
struct list_leg {
    struct list_order order;
    bool has_car;
    struct list_car car;
    bool has_block;
    struct list_block block;
    uint64_t durable_ns;
};
// False when the list is not on the board. Any thread.
MUST_CHECK bool list_board_find(struct list_board *b, uint32_t number, uint32_t index, struct list_leg *out);

#endif
