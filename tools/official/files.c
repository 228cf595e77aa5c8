#include "tools/official/files.h"

#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_wanted(const FTSENT *entry)
{
    const size_t len = strlen(entry->fts_path);
    return entry->fts_info == FTS_F && len > 5 && strcmp(entry->fts_path + len - 5, ".json") == 0;
}

static void keep(char ***list, size_t *count, size_t *capacity, const char *path)
{
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 256;
        *list = realloc(*list, *capacity * sizeof **list);
    }
    char *copy = strdup(path);
    if (!*list || !copy)
        abort();
    (*list)[(*count)++] = copy;
}

char **official_files_find(char *const *paths, size_t count, size_t *found, const char **missing)
{
    char **list = NULL;
    size_t capacity = 0;
    *found = 0;
    *missing = NULL;
    for (size_t i = 0; i < count; i++) {
        char *const one[] = {paths[i], NULL};
        FTS *tree = fts_open(one, FTS_LOGICAL | FTS_NOCHDIR, NULL);
        for (FTSENT *entry; tree && (entry = fts_read(tree));) {
            if (entry->fts_level == FTS_ROOTLEVEL && (entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR))
                *missing = paths[i];
            if (is_wanted(entry))
                keep(&list, found, &capacity, entry->fts_path);
        }
        if (tree)
            fts_close(tree);
    }
    if (*missing || !list) {
        for (size_t i = 0; i < *found; i++)
            free(list[i]);
        free(list);
        *found = 0;
        return NULL;
    }
    qsort(list, *found, sizeof *list, by_name);
    return list;
}

void official_files_free(char **files, size_t count)
{
    for (size_t i = 0; files && i < count; i++)
        free(files[i]);
    free(files);
}

json_t *official_file_load(const char *path, char *error, size_t error_cap)
{
    json_error_t where;
    json_t *root = json_load_file(path, 0, &where);
    if (json_is_object(root))
        return root;
    if (root)
        snprintf(error, error_cap, "no JSON object");
    else
        snprintf(error, error_cap, "no JSON object: line %d: %s", where.line, where.text);
    json_decref(root);
    return NULL;
}

static void *work(void *arg)
{
    struct official_files *files = arg;
    files->work(files->ctx, files);
    return NULL;
}

void official_files_run(struct official_files *files, unsigned jobs)
{
    pthread_t threads[OFFICIAL_JOBS_MAX];
    if (jobs > OFFICIAL_JOBS_MAX)
        jobs = OFFICIAL_JOBS_MAX;
    json_object_seed(0); // before there are threads
    atomic_init(&files->next, 0);
    pthread_mutex_init(&files->lock, NULL);
    for (unsigned i = 1; i < jobs; i++) {
        if (pthread_create(&threads[i], NULL, work, files) != 0)
            abort();
    }
    work(files);
    for (unsigned i = 1; i < jobs; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&files->lock);
}

const char *official_files_next(struct official_files *files)
{
    const size_t i = atomic_fetch_add(&files->next, 1);
    return i < files->count ? files->files[i] : NULL;
}
