#include "sigverify/lanes/recover.h"

#include <stdlib.h>

#include "sigverify/lanes/scalar.h"

struct recovery {
    const struct recover_kernels *kernels;
    void *state;
    void *portable;
    size_t smallest;
    struct recover_task tasks[SV_BATCH_MAX];
    uint32_t owners[SV_BATCH_MAX]; // which item a task is
    u256 r[SV_BATCH_MAX], r_inverse[SV_BATCH_MAX];
};

struct recovery *recovery_create(const struct recover_kernels *kernels)
{
    struct recovery *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->kernels = kernels;
    r->smallest = kernels->smallest;
    r->state = kernels->create();
    r->portable = SV_PORTABLE.create();
    if (!r->state || !r->portable) {
        recovery_free(r);
        return NULL;
    }
    return r;
}

void recovery_free(struct recovery *r)
{
    if (!r)
        return;
    if (r->state)
        r->kernels->destroy(r->state);
    if (r->portable)
        SV_PORTABLE.destroy(r->portable);
    free(r);
}

void recovery_set_smallest(struct recovery *r, size_t items)
{
    r->smallest = items;
}

static void recover_portably(struct recovery *r, struct sv_result *out, const struct sv_item *item)
{
    SV_PORTABLE.recover(r->portable, out, item, 1);
    out->slow = true;
}

// Items for the lanes become tasks with their x and r; returns their number. The others get their result.
static size_t choose_tasks(struct recovery *r, struct sv_result *out, const struct sv_item *in, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        out[i].status = sv_check_range(&in[i]);
        if (out[i].status != SV_OK)
            continue;
        const u256 z = scalar_from_be(in[i].hash.b);
        if ((in[i].v & 2) || u256_is_zero(&z)) {
            recover_portably(r, &out[i], &in[i]);
            continue;
        }
        r->r[count] = u256_from_be(in[i].r.b, 32);
        r->tasks[count].x = r->r[count];
        r->tasks[count].odd = in[i].v & 1;
        r->owners[count++] = (uint32_t)i;
    }
    return count;
}

// u1 = -z / r, u2 = s / r
static void compute_scalars(struct recovery *r, const struct sv_item *in, size_t count)
{
    if (count == 0)
        return;
    scalar_invert_batch(r->r_inverse, r->r, count);
    for (size_t i = 0; i < count; i++) {
        const struct sv_item *item = &in[r->owners[i]];
        const u256 z = scalar_from_be(item->hash.b), s = u256_from_be(item->s.b, 32);
        const u256 zr = scalar_multiply(&z, &r->r_inverse[i]), u1 = scalar_negate(&zr);
        const u256 u2 = scalar_multiply(&s, &r->r_inverse[i]);
        comb_digits_of(r->tasks[i].u1, &u1);
        half_digits_of(&r->tasks[i].u2, &u2);
    }
}

static void take_result(struct recovery *r, const struct recover_task *task, struct sv_result *out,
                        const struct sv_item *item)
{
    switch (task->outcome) {
    case RECOVER_KEY:
        out->status = SV_OK;
        u256_to_be(out->pubkey, &task->key_x);
        u256_to_be(out->pubkey + 32, &task->key_y);
        u256_to_be(out->ry, &task->r_y);
        out->has_ry = true;
        return;
    case RECOVER_NO_POINT:
        out->status = SV_NO_POINT;
        return;
    case RECOVER_LEFT_OUT:
        recover_portably(r, out, item);
        return;
    }
}

void recovery_run(void *state, struct sv_result *out, const struct sv_item *in, size_t n)
{
    struct recovery *r = state;
    const size_t count = choose_tasks(r, out, in, n);
    if (count < r->smallest) {
        for (size_t i = 0; i < count; i++)
            SV_PORTABLE.recover(r->portable, &out[r->owners[i]], &in[r->owners[i]], 1);
        return;
    }
    compute_scalars(r, in, count);
    r->kernels->run(r->state, r->tasks, count);
    for (size_t i = 0; i < count; i++)
        take_result(r, &r->tasks[i], &out[r->owners[i]], &in[r->owners[i]]);
}
