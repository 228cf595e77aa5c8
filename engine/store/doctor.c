#include "engine/store/doctor.h"

#include <limits.h>
#include <stdlib.h>

#include "chain/genesis.h"
#include "engine/store/blog_scan.h"
#include "engine/store/checkpoint.h"
#include "engine/store/data_folder.h"
#include "engine/store/disk_files.h"
#include "engine/store/record.h"
#include "engine/store/tx_index.h"
#include "shard/partition.h"

struct examination {
    FILE *out;
    char log_dir[PATH_MAX], state_dir[PATH_MAX];
    bytes32 genesis_hash;
    bool in_use; // a node writes there now
    unsigned damaged;
    // The log so far
    uint64_t first, last, transactions, bytes;
    bytes32 last_hash;
    bool linked; // last_hash is known
    char trouble[160];
};

static void damage(struct examination *e, const char *text)
{
    fprintf(e->out, "damaged: %s\n", text);
    e->damaged++;
}

// Each record: what the checksum can't know.
static bool check_record(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *bytes)
{
    struct examination *e = ctx;
    struct record r;
    const char *wrong = NULL;
    if (!record_decode(&r, bytes_of(bytes, length)))
        wrong = "is malformed";
    else if (r.header.number != height)
        wrong = "holds another block's header";
    else if (e->linked && !bytes32_equal(&r.header.parent_hash, &e->last_hash))
        wrong = "is not the child of the block before it";
    if (wrong != NULL) {
        snprintf(e->trouble, sizeof e->trouble, "block %llu at offset %llu %s", (unsigned long long)height,
                 (unsigned long long)offset, wrong);
        return false;
    }
    if (e->first == 0)
        e->first = height;
    e->last = height;
    e->last_hash = r.block_hash;
    e->linked = true;
    e->transactions += r.tx_count;
    return true;
}

// What follows the last good group of the newest segment.
static void check_tail(struct examination *e, const struct segment_scan *s)
{
    uint64_t later, dirty_end;
    char text[STORE_ERROR_MAX];
    const int found = scan_later_group(s, &later, &dirty_end);
    if (found == 1) {
        store_fail(
            text, "%s, offset %llu: %s, though a good later group is at offset %llu; restore the file from a copy",
            s->name, (unsigned long long)s->end, s->bad ? s->reason : "a group is missing", (unsigned long long)later);
        damage(e, text);
    } else if (found < 0) {
        store_fail(text, "%s: %s", s->name, strerror(-found));
        damage(e, text);
    } else if (dirty_end > s->end) {
        fprintf(e->out,
                e->in_use ? "note: %s is being written from offset %llu on\n"
                          : "note: %s has a torn tail at offset %llu, left by a crash; the next start cuts it\n",
                s->name, (unsigned long long)s->end);
    }
}

static void check_segment(struct examination *e, struct disk *disk, uint32_t number, bool last, uint64_t *next_group,
                          uint64_t *next_height)
{
    char name[64], error[STORE_ERROR_MAX], text[STORE_ERROR_MAX];
    blog_segment_name(name, number);
    struct segment_scan s = {
        .disk = disk,
        .file = disk->ops->open(disk, name, false),
        .name = name,
        .genesis_hash = &e->genesis_hash,
        .visit = check_record,
        .ctx = e,
        .next_group = *next_group,
        .next_height = *next_height,
    };
    if (s.file < 0) {
        store_fail(text, "cannot open %s: %s", name, strerror(-s.file));
        damage(e, text);
        return;
    }
    e->trouble[0] = '\0';
    if (!scan_segment(&s, error)) {
        damage(e, error);
        e->linked = false;
    } else if (s.number != number || e->trouble[0] != '\0' || (s.bad && !last)) {
        store_fail(text, "%s, offset %llu: %s; restore the file from a copy", name, (unsigned long long)s.end,
                   s.number != number      ? "it holds another segment"
                   : e->trouble[0] != '\0' ? e->trouble
                                           : s.reason);
        damage(e, text);
        // The next segment is judged by itself.
        s.next_group = s.next_height = 0;
        e->linked = false;
    } else if (last) {
        check_tail(e, &s);
    }
    e->bytes += s.size;
    *next_group = s.next_group;
    *next_height = s.next_height;
    disk->ops->close(disk, s.file);
}

static void check_index(struct examination *e, uint32_t number)
{
    struct tx_index *x = tx_index_open(e->log_dir, &e->genesis_hash, number);
    if (x == NULL)
        fprintf(e->out,
                "note: the look-up index of segment %u is missing or unreadable; the next start makes it anew\n",
                number);
    else
        tx_index_close(x);
}

static void check_log(struct examination *e)
{
    char error[STORE_ERROR_MAX];
    struct segment_list list = {0};
    struct disk *disk = disk_files_open(e->log_dir, error);
    if (disk == NULL || !scan_list(disk, &list, error)) {
        damage(e, error);
    } else {
        uint64_t next_group = 0, next_height = 0;
        if (list.count > 0 && list.numbers[0] == 1)
            next_group = next_height = 1;
        for (size_t i = 0; i < list.count; i++) {
            const bool last = i + 1 == list.count;
            check_segment(e, disk, list.numbers[i], last, &next_group, &next_height);
            if (!last)
                check_index(e, list.numbers[i]);
        }
        fprintf(e->out, "log: %zu segments, %llu bytes, blocks %llu to %llu, %llu transactions%s\n", list.count,
                (unsigned long long)e->bytes, (unsigned long long)e->first, (unsigned long long)e->last,
                (unsigned long long)e->transactions, e->damaged == 0 ? ": every record is whole" : "");
    }
    free(list.numbers);
    if (disk != NULL)
        disk_files_close(disk);
}

struct counts {
    uint64_t accounts, slots;
};

static bool count_account(void *ctx, const bytes32 *key, const struct account *account,
                          const struct account_contract *contract)
{
    (void)key, (void)account, (void)contract;
    ((struct counts *)ctx)->accounts++;
    return true;
}

static bool count_slot(void *ctx, const bytes32 *key, const bytes32 *slot, const u256 *value)
{
    (void)key, (void)slot, (void)value;
    ((struct counts *)ctx)->slots++;
    return true;
}

static bool check_codes(struct checkpoint *c, size_t *count, char error[STORE_ERROR_MAX])
{
    struct codes *codes = codes_create(evm_rules_of(EVM_CANCUN));
    const bool good = checkpoint_load_codes(c, codes, error);
    *count = codes_count(codes);
    codes_free(codes);
    return good;
}

// The copy of genesis.json, which a start parses.
static void check_genesis(struct examination *e, const char *dir, const struct header *header)
{
    char path[PATH_MAX], reason[GENESIS_ERROR_MAX];
    struct genesis genesis;
    snprintf(path, sizeof path, "%s/genesis.json", dir);
    bool good = genesis_load(&genesis, path, reason);
    if (good) {
        genesis.header.state_root = header->state_root;
        const bytes32 hash = header_hash(&genesis.header);
        good = bytes32_equal(&hash, &e->genesis_hash);
        snprintf(reason, sizeof reason, "%.200s is another chain's", path);
        genesis_free(&genesis);
    }
    if (!good) {
        damage(e, reason);
        fprintf(e->out, "note: a start with the chain's genesis.json, named with --genesis, mends that\n");
    }
}

static void check_state(struct examination *e)
{
    char error[STORE_ERROR_MAX];
    uint64_t height;
    struct counts counts = {0};
    size_t codes = 0;
    bytes32 hash;
    bool complete;
    const struct checkpoint_visitor visitor = {&counts, count_account, count_slot};
    struct checkpoint *c = checkpoint_open(e->state_dir, &e->genesis_hash, &height, &hash, &complete, error);
    if (c == NULL || !check_codes(c, &codes, error) || !checkpoint_visit(c, 0, PARTITION_COUNT, &visitor, error)) {
        damage(e, error);
    } else if (!complete) {
        fprintf(e->out, "note: there is no whole checkpoint; the next start writes the initial state\n");
    } else {
        fprintf(e->out, "checkpoint: block %llu, %llu accounts, %llu slots, %zu codes, %llu bytes\n",
                (unsigned long long)height, (unsigned long long)counts.accounts, (unsigned long long)counts.slots,
                codes, (unsigned long long)checkpoint_bytes(c));
        if (height > e->last)
            damage(e,
                   "the checkpoint is of a block above the log's last one: the log's newest segment was lost or cut");
    }
    if (c != NULL)
        checkpoint_close(c);
}

int store_doctor(const char *dir, FILE *out)
{
    char error[STORE_ERROR_MAX];
    uint8_t identity[FILE_HEADER_BYTES + HEADER_ENCODED_MAX];
    struct header genesis;
    struct examination *e = calloc(1, sizeof *e);
    if (e == NULL)
        return 1;
    e->out = out;
    snprintf(e->log_dir, sizeof e->log_dir, "%s/log", dir);
    snprintf(e->state_dir, sizeof e->state_dir, "%s/state", dir);
    if (data_folder_find(dir, &genesis, &e->genesis_hash, identity, error) != DATA_FOLDER_KNOWN) {
        damage(e, error);
    } else {
        e->in_use = data_folder_holder(dir) != 0;
        if (e->in_use)
            fprintf(out, "note: a node is running on %s; its checkpoint is not looked at\n", dir);
        e->last_hash = e->genesis_hash;
        check_genesis(e, dir, &genesis);
        check_log(e);
        if (!e->in_use)
            check_state(e);
    }
    const int result = e->damaged != 0;
    free(e);
    return result;
}
