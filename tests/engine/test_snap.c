// Fetching a state from peers, honest and not.
#include "engine/snap/snap_check.h"
#include "engine/snap/snap_fetch.h"
#include "engine/store/checkpoint_snapshot.h"
#include "tests/engine/snap_peer.h"
#include "tests/engine/store_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct snap_peer peer;
static char *dir;
static char error[STORE_ERROR_MAX];

static struct snap_line *line_to_peer(void)
{
    struct snap_line_options o = {
        .at = peer.at, .secret = {{6}}, .genesis_hash = peer.genesis, .set = &peer.validators.set.wire};
    memcpy(o.key, peer.key, sizeof o.key);
    struct snap_line *l = snap_line_open(&o, error);
    cr_assert(l, "%s", error);
    return l;
}

static struct snap_take *open_take(void)
{
    const struct snap_take_options o = {
        .data = dir, .genesis_hash = peer.genesis, .chain_id = 31337, .set = &peer.validators.set};
    struct snap_take *t = snap_take_open(&o, error);
    cr_assert(t, "%s", error);
    return t;
}

static enum snap_taken take_tables(struct snap_take *t, struct snap_line *l)
{
    return snap_take_tables(t, l, SNAP_PEER_HEIGHT, &peer.blocks[SNAP_PEER_HEIGHT], 1000, error);
}

// All of it; the first thing that goes wrong.
static enum snap_taken take_all(struct snap_take *t, struct anchor *anchor)
{
    struct snap_line *l = line_to_peer();
    struct snap_proof proof = {0};
    enum snap_taken taken = take_tables(t, l);
    if (taken == SNAP_TAKEN)
        taken = snap_take_proof(t, l, &proof, error);
    *anchor =
        (struct anchor){.height = proof.height, .block = proof.block, .epoch = proof.epoch, .ordered = proof.ordered};
    if (taken == SNAP_TAKEN)
        taken = snap_take_blocks(t, l, anchor, error);
    snap_line_close(l);
    return taken;
}

static void begin(enum snap_lie lie)
{
    dir = fixture_folder();
    snap_peer_start(&peer, lie);
}

static void end(void)
{
    char part[512];
    snap_peer_stop(&peer);
    static const char *const folders[] = {"snapshot/state", "snapshot/log", "snapshot", "state", "log"};
    for (unsigned i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(part, sizeof part, "rm -rf '%s/%s'", dir, folders[i]);
        cr_assert_eq(system(part), 0);
    }
    fixture_remove(dir);
}

// What was put in place is what the peer has.
static void expect_state(const struct anchor *anchor)
{
    char path[512];
    uint64_t height;
    bytes32 hash, root, expected;
    bool complete;
    struct record r;
    snprintf(path, sizeof path, "%s/state", dir);
    struct checkpoint *c = checkpoint_open(path, &peer.genesis, &height, &hash, &complete, error);
    cr_assert(c && complete, "%s", error);
    cr_assert(height == SNAP_PEER_HEIGHT && bytes32_equal(&hash, &peer.blocks[height]));
    cr_assert(snap_state_root(c, &root, error), "%s", error);
    cr_assert(record_decode(&r, bytes_of(peer.records[height], peer.record_len[height])));
    expected = r.header.state_root;
    cr_assert(bytes32_equal(&root, &expected));
    checkpoint_close(c);
    cr_assert(anchor->height == SNAP_PEER_BLOCKS && anchor->ordered == SNAP_PEER_ORDERED && anchor->epoch == 2);
    snprintf(path, sizeof path, "%s/log/segment-00000001.log", dir);
    cr_assert_eq(access(path, F_OK), 0, "the blocks are there too");
}

Test(snap, an_honest_peer_s_state_takes_the_node_s_place)
{
    struct anchor anchor, placed;
    begin(HONEST);
    struct snap_take *t = open_take();
    cr_assert_eq(take_all(t, &anchor), SNAP_TAKEN, "%s", error);
    snap_take_close(t);
    cr_assert(snap_place(dir, &peer.genesis, error), "%s", error);
    cr_assert_eq(anchor_read(&placed, dir, ANCHOR_NAME, &peer.genesis, error), ANCHOR_FOUND);
    expect_state(&placed);
    cr_assert(snap_place(dir, &peer.genesis, error), "a second time nothing is to be done");
    end();
}

Test(snap, every_lie_is_recognised_and_what_came_is_thrown_away)
{
    for (enum snap_lie lie = HONEST + 1; lie < SNAP_LIES; lie++) {
        struct anchor anchor;
        char path[512];
        begin(lie);
        struct snap_take *t = open_take();
        cr_assert_eq(take_all(t, &anchor), SNAP_LIED, "lie %u: %s", lie, error);
        if (lie != UNSIGNED && lie != NOT_A_PROOF)
            cr_assert(bytes32_is_zero(snap_take_begun(t)), "lie %u", lie);
        snap_take_close(t);
        snprintf(path, sizeof path, "%s/snapshot/anchor", dir);
        cr_assert_neq(access(path, F_OK), 0, "lie %u", lie);
        cr_assert(snap_place(dir, &peer.genesis, error), "%s", error);
        snprintf(path, sizeof path, "%s/state", dir);
        cr_assert_neq(access(path, F_OK), 0, "lie %u", lie);
        end();
    }
}

Test(snap, a_fetch_that_was_cut_short_goes_on_where_it_was)
{
    struct anchor anchor;
    begin(HONEST);
    peer.hang_up_after = 3;
    struct snap_take *t = open_take();
    struct snap_line *l = line_to_peer();
    cr_assert_eq(take_tables(t, l), SNAP_LOST);
    snap_line_close(l);
    snap_take_close(t);
    t = open_take();
    cr_assert(bytes32_equal(snap_take_begun(t), &peer.blocks[SNAP_PEER_HEIGHT]));
    const unsigned before = peer.answers;
    l = line_to_peer();
    cr_assert_eq(take_tables(t, l), SNAP_TAKEN, "%s", error);
    cr_expect_leq(peer.answers - before, 4, "%u answers", peer.answers - before);
    snap_line_close(l);
    cr_assert_eq(take_all(t, &anchor), SNAP_TAKEN, "%s", error);
    snap_take_close(t);
    end();
}

Test(snap, a_state_that_the_peer_does_not_have_is_no_lie)
{
    begin(HONEST);
    struct snap_take *t = open_take();
    struct snap_line *l = line_to_peer();
    cr_assert_eq(snap_take_tables(t, l, 1, &peer.blocks[1], 1000, error), SNAP_LOST);
    snap_line_close(l);
    snap_take_close(t);
    end();
}

Test(snap, an_anchor_that_is_damaged_or_another_chain_s_is_refused)
{
    struct anchor a = {.height = 7, .ordered = 9, .epoch = 3, .vote_from = 4, .keep_log = true}, b;
    const bytes32 genesis = {{1}}, other = {{2}};
    dir = fixture_folder();
    cr_assert_eq(anchor_read(&b, dir, ANCHOR_NAME, &genesis, error), ANCHOR_NONE);
    cr_assert(anchor_write(&a, dir, ANCHOR_NAME, &genesis, error), "%s", error);
    cr_assert_eq(anchor_read(&b, dir, ANCHOR_NAME, &genesis, error), ANCHOR_FOUND);
    cr_assert(b.height == 7 && b.ordered == 9 && b.epoch == 3 && b.vote_from == 4 && b.keep_log && !b.recovering);
    cr_assert_eq(anchor_read(&b, dir, ANCHOR_NAME, &other, error), ANCHOR_BAD);
    fixture_damage(dir, ANCHOR_NAME, FILE_HEADER_BYTES + 40);
    cr_assert_eq(anchor_read(&b, dir, ANCHOR_NAME, &genesis, error), ANCHOR_BAD);
    cr_assert(anchor_remove(dir, ANCHOR_NAME, error) && anchor_remove(dir, ANCHOR_NAME, error), "%s", error);
    fixture_remove(dir);
}
