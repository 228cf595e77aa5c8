#include "sigverify/lanes/recover.h"

#include <stdlib.h>

struct recovery {
    const struct recover_kernels *kernels;
    void *state;
    void *portable;
    size_t smallest;
    struct recover_task tasks[SV_BATCH_MAX];
    uint32_t owners[SV_BATCH_MAX]; // which item a task is
    u256 z[SV_BATCH_MAX], r[SV_BATCH_MAX], s[SV_BATCH_MAX], r_inverse[SV_BATCH_MAX];
    struct comb_digits u1[SV_BATCH_MAX];
    struct half_digits u2[SV_BATCH_MAX];
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
        r->z[count] = z;
        r->r[count] = load_be256(in[i].r.b);
        r->s[count] = load_be256(in[i].s.b);
        r->tasks[count].u1 = &r->u1[count];
        r->tasks[count].u2 = &r->u2[count];
        r->tasks[count].x = r->r[count];
        r->tasks[count].odd = in[i].v & 1;
        r->owners[count++] = (uint32_t)i;
    }
    return count;
}

// u1 = -z / r, u2 = s / r
static void compute_scalars(struct recovery *r, size_t count)
{
    const struct scalar_kernels *scalars = r->kernels->scalars;
    if (count == 0)
        return;
    scalars->invert(r->r_inverse, r->r, count);
    scalars->multiply(r->z, r->z, r->r_inverse, count);
    scalars->multiply(r->s, r->s, r->r_inverse, count);
    scalars->comb_digits_of_negatives(r->u1, r->z, count);
    scalars->half_digits(r->u2, r->s, count);
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
    compute_scalars(r, count);
    r->kernels->run(r->state, r->tasks, count);
    for (size_t i = 0; i < count; i++)
        take_result(r, &r->tasks[i], &out[r->owners[i]], &in[r->owners[i]]);
}
