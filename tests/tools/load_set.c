#include "tools/load/load_set.h"

#include "base/keccak.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct load_plan plan_of(uint32_t count)
{
    return (struct load_plan){.seed = 5,
                              .chain_id = 31337,
                              .sender_count = 20,
                              .account_count = 100,
                              .max_fee_wei = 100000000000,
                              .max_tip_wei = 1000000000,
                              .count = count};
}

static struct load_set *make(const struct load_plan *plan, const char *dir)
{
    char error[LOAD_ERROR_MAX] = "";
    struct load_set *set = load_set_open(plan, NULL, dir, error);
    cr_assert_not_null(set, "%s", error);
    return set;
}

// Every item: right hash, a valid signature of its sender, the sender's next nonce, a good witness.
static void check_items(const struct load_plan *plan, const struct load_set *set)
{
    struct load_senders *senders = load_senders_derive(plan->seed, plan->sender_count);
    struct sv_verifier *verifier = sv_create();
    uint64_t next[20] = {0};
    if (plan->first_nonce)
        memcpy(next, plan->first_nonce, sizeof next);
    for (uint32_t i = 0; i < plan->count; i++) {
        const struct bytes whole = load_set_frame(set, i), raw = load_set_raw(set, i);
        struct ingest_frame frame;
        size_t consumed;
        const char *text;
        cr_assert_eq(ingest_parse(whole, &frame, &consumed, &text), INGEST_FRAME);
        cr_assert_eq(consumed, whole.len);
        cr_assert(bytes_equal(frame.raw, raw));
        struct tx tx;
        cr_assert_eq(tx_decode(&tx, raw, plan->chain_id), TX_OK);
        const bytes32 hash = tx_hash(&tx);
        cr_assert(bytes32_equal(&hash, &set->hash[i]));
        const struct sv_item item = {tx_signing_hash(&tx), tx.r, tx.s, tx.y_parity, true};
        struct sv_result result;
        if (plan->witness == LOAD_NO_WITNESS)
            sv_recover(verifier, &result, &item, 1);
        else
            sv_verify_witness(verifier, &result, &item, &frame.witness, 1);
        cr_assert_eq(result.status, SV_OK);
        cr_assert_eq(frame.witness.has_ry, plan->witness == LOAD_KEY_AND_RY);
        cr_assert_lt(set->sender[i], plan->sender_count);
        cr_assert(address_equal(&result.signer, &senders->addr[set->sender[i]]));
        cr_assert_eq(tx.nonce, next[set->sender[i]]++);
    }
    sv_free(verifier);
    load_senders_free(senders);
}

Test(load_set, items_are_valid_transfers_with_each_senders_nonces_in_a_row)
{
    for (int witness = LOAD_NO_WITNESS; witness <= LOAD_KEY_AND_RY; witness++) {
        struct load_plan plan = plan_of(200);
        plan.witness = (enum load_witness)witness;
        struct load_set *set = make(&plan, NULL);
        check_items(&plan, set);
        load_set_close(set);
    }
}

Test(load_set, nonces_go_on_from_where_the_senders_are)
{
    uint64_t nonces[20];
    for (uint64_t i = 0; i < 20; i++)
        nonces[i] = 1000 * i;
    struct load_plan plan = plan_of(100);
    plan.first_nonce = nonces;
    struct load_set *set = make(&plan, NULL);
    check_items(&plan, set);
    load_set_close(set);
}

Test(load_set, a_longer_set_begins_with_the_shorter_one)
{
    const struct load_plan few = plan_of(50), many = plan_of(300);
    struct load_set *a = make(&few, NULL), *b = make(&many, NULL);
    cr_assert_arr_eq(a->hash, b->hash, 50 * sizeof *a->hash);
    load_set_close(a);
    load_set_close(b);
}

// The one file of the folder.
static void cached_file(char *out, size_t cap, const char *dir)
{
    DIR *folder = opendir(dir);
    out[0] = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        if (e->d_name[0] == '.')
            continue;
        cr_assert_eq(out[0], 0, "more than one file in the cache");
        snprintf(out, cap, "%s/%s", dir, e->d_name);
    }
    closedir(folder);
}

static void remove_cache(const char *dir)
{
    char path[512];
    cached_file(path, sizeof path, dir);
    unlink(path);
    rmdir(dir);
}

Test(load_set, a_kept_set_is_found_again_and_serves_shorter_runs)
{
    char dir[] = "/tmp/gantry-set-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    const struct load_plan few = plan_of(50), many = plan_of(100);
    struct load_set *made = make(&many, dir), *again = make(&many, dir), *shorter = make(&few, dir);
    cr_assert_not(made->from_cache);
    cr_assert(again->from_cache);
    cr_assert(shorter->from_cache);
    cr_assert_arr_eq(made->hash, again->hash, 100 * sizeof *made->hash);
    check_items(&few, shorter);
    load_set_close(made);
    load_set_close(again);
    load_set_close(shorter);
    remove_cache(dir);
}

Test(load_set, a_kept_set_that_is_too_short_is_made_anew)
{
    char dir[] = "/tmp/gantry-set-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    const struct load_plan few = plan_of(50), many = plan_of(100);
    load_set_close(make(&few, dir));
    struct load_set *set = make(&many, dir);
    cr_assert_not(set->from_cache);
    check_items(&many, set);
    load_set_close(set);
    remove_cache(dir);
}

Test(load_set, a_damaged_file_is_made_anew_wherever_the_damage_is)
{
    char dir[] = "/tmp/gantry-set-XXXXXX", path[512];
    cr_assert_not_null(mkdtemp(dir));
    const struct load_plan plan = plan_of(50);
    load_set_close(make(&plan, dir));
    cached_file(path, sizeof path, dir);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    const off_t places[] = {0, 20, 40, 90, 4096, 4096 + 50 * 4, 4096 + 50 * 36 + 30, info.st_size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const int fd = open(path, O_RDWR);
        uint8_t byte;
        cr_assert_eq(pread(fd, &byte, 1, places[i]), 1);
        byte ^= 0x55;
        cr_assert_eq(pwrite(fd, &byte, 1, places[i]), 1);
        close(fd);
        struct load_set *set = make(&plan, dir);
        cr_assert_not(set->from_cache, "damage at %lld was not seen", (long long)places[i]);
        check_items(&plan, set);
        load_set_close(set);
    }
    cr_assert_eq(truncate(path, info.st_size - 1), 0);
    struct load_set *set = make(&plan, dir);
    cr_assert_not(set->from_cache);
    load_set_close(set);
    remove_cache(dir);
}

Test(load_set, every_part_of_the_plan_makes_another_set)
{
    char dir[] = "/tmp/gantry-set-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    uint64_t nonces[20] = {[3] = 1};
    struct load_plan plans[8];
    for (size_t i = 0; i < 8; i++)
        plans[i] = plan_of(50);
    plans[1].seed++;
    plans[2].chain_id++;
    plans[3].account_count++;
    plans[4].witness = LOAD_KEY;
    plans[5].max_fee_wei++;
    plans[6].max_tip_wei++;
    plans[7].first_nonce = nonces;
    for (size_t i = 0; i < 8; i++) {
        struct load_set *set = make(&plans[i], dir);
        cr_assert_not(set->from_cache, "plan %zu", i);
        load_set_close(set);
    }
    DIR *folder = opendir(dir);
    for (struct dirent *e; (e = readdir(folder));)
        unlinkat(dirfd(folder), e->d_name, 0);
    closedir(folder);
    rmdir(dir);
}

Test(load_set, all_zero_nonces_are_the_same_plan_as_none)
{
    char dir[] = "/tmp/gantry-set-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    const uint64_t zeros[20] = {0};
    struct load_plan plan = plan_of(50);
    load_set_close(make(&plan, dir));
    plan.first_nonce = zeros;
    struct load_set *set = make(&plan, dir);
    cr_assert(set->from_cache);
    load_set_close(set);
    remove_cache(dir);
}

Test(load_set, a_folder_that_cant_be_made_is_an_error_in_words)
{
    char error[LOAD_ERROR_MAX] = "";
    const struct load_plan plan = plan_of(10);
    cr_assert_null(load_set_open(&plan, NULL, "/proc/nowhere", error));
    cr_assert_not_null(strstr(error, "cache folder /proc/nowhere"), "%s", error);
}

Test(load_set, items_of_a_mix_are_as_valid_and_kept_apart)
{
    char dir[] = "/tmp/gantry-load-mix-XXXXXX", error[LOAD_MIX_ERROR_MAX];
    cr_assert_not_null(mkdtemp(dir));
    const address deployer = {{7}};
    struct load_mix mix;
    cr_assert(load_mix_parse(&mix, "transfer,erc20,swap", 4, 2, error));
    load_mix_place(&mix, &deployer);
    struct load_plan plan = plan_of(300);
    plan.witness = LOAD_KEY_AND_RY;
    plan.mix = &mix;
    struct load_set *set = make(&plan, dir), *again = make(&plan, dir);
    check_items(&plan, set);
    cr_expect(!set->from_cache && again->from_cache);
    cr_expect(memcmp(set->hash, again->hash, 300 * sizeof *set->hash) == 0);
    load_set_close(set);
    load_set_close(again);
    // Other contracts, other transactions.
    const address other = {{8}};
    struct load_mix moved = mix;
    load_mix_place(&moved, &other);
    plan.mix = &moved;
    set = make(&plan, NULL);
    cr_expect(!set->from_cache);
    check_items(&plan, set);
    load_set_close(set);
    remove_cache(dir);
}
