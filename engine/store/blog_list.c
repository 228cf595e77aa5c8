#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/store/blog.h"
#include "engine/store/blog_scan.h"

struct listing {
    struct segment_list *list;
    size_t cap;
    bool short_of_memory;
};

static void list_name(void *ctx, const char *name)
{
    struct listing *l = ctx;
    unsigned number;
    char canonical[64];
    if (strcmp(name, BLOG_SPARE_NAME) == 0)
        l->list->spare = true;
    if (sscanf(name, "segment-%8u.log", &number) != 1)
        return;
    blog_segment_name(canonical, number);
    if (strcmp(name, canonical) != 0 || l->short_of_memory)
        return;
    if (l->list->count == l->cap) {
        const size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        uint32_t *grown = realloc(l->list->numbers, cap * sizeof *grown);
        if (grown == NULL) {
            l->short_of_memory = true;
            return;
        }
        l->list->numbers = grown;
        l->cap = cap;
    }
    l->list->numbers[l->list->count++] = number;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

bool scan_list(struct disk *disk, struct segment_list *out, char error[STORE_ERROR_MAX])
{
    struct listing l = {.list = out};
    int err = disk->ops->list(disk, list_name, &l);
    if (err == 0 && l.short_of_memory)
        err = -ENOMEM;
    if (err < 0)
        return store_fail(error, "cannot list the log's folder: %s", strerror(-err));
    if (out->count == 0)
        return true;
    qsort(out->numbers, out->count, sizeof *out->numbers, by_number);
    for (size_t i = 1; i < out->count; i++) {
        if (out->numbers[i] != out->numbers[i - 1] + 1) {
            char name[64];
            blog_segment_name(name, out->numbers[i - 1] + 1);
            return store_fail(error, "%s is missing, though later segments are there; restore it from a copy", name);
        }
    }
    return true;
}
