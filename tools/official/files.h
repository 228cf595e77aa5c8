// The files of official tests: finding them, and sharing them out among threads.
#ifndef GANTRY_TOOLS_OFFICIAL_FILES_H
#define GANTRY_TOOLS_OFFICIAL_FILES_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#define OFFICIAL_JOBS_MAX 256

// The .json files among paths and below folders, sorted; freed with official_files_free. NULL after *missing was set to
// a path that can't be read, or to NULL when there is no such file.
char **official_files_find(char *const *paths, size_t count, size_t *found, const char **missing);
void official_files_free(char **files, size_t count);

// The object in such a file. NULL after 'error' was told what is wrong.
json_t *official_file_load(const char *path, char *error, size_t error_cap);

struct official_files {
    char *const *files;
    size_t count;
    // Called once on each thread; takes files until there are no more.
    void (*work)(void *ctx, struct official_files *files);
    void *ctx;
    pthread_mutex_t lock; // of what the threads report to
    atomic_size_t next;
};

// Returns when all threads have; the calling thread is one of them.
void official_files_run(struct official_files *files, unsigned jobs);
// NULL: there are no more.
const char *official_files_next(struct official_files *files);

#endif
