// The synchronous half of struct disk on a real folder: opening, reading, allocating, renaming, removing. disk_uring
// adds the asynchronous half; alone it is a disk for reading (doctor, index building), on any thread of its owner's
// choice.
#ifndef GANTRY_ENGINE_STORE_DISK_FILES_H
#define GANTRY_ENGINE_STORE_DISK_FILES_H

#include "engine/store/disk.h"
#include "engine/store/file_header.h"

struct disk_files {
    struct disk disk;
    int folder; // descriptor of the folder; file handles are descriptors
    bool read_only;
};

// A disk whose write_sync answers -EROFS. NULL with a message when the folder can't be opened.
struct disk *disk_files_open(const char *dir, char error[STORE_ERROR_MAX]);
void disk_files_close(struct disk *d);

// For disk_uring: the folder's descriptor (or -errno), and the operations.
int disk_files_folder(const char *dir);
extern const struct disk_ops DISK_FILES_OPS;

#endif
