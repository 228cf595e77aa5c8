// The real disk: a folder, written through an io_uring of its own. Owner: the coordinator, which sleeps on the event
// descriptor together with its other work.
#ifndef GANTRY_ENGINE_STORE_DISK_URING_H
#define GANTRY_ENGINE_STORE_DISK_URING_H

#include "engine/store/disk.h"
#include "engine/store/file_header.h"

// NULL with a message: the folder can't be opened, or io_uring is not available here (the message says how to allow
// it).
struct disk *disk_uring_open(const char *dir, char error[STORE_ERROR_MAX]);
// Waits for what is under way.
void disk_uring_close(struct disk *d);

// An eventfd whose count rises with each completion. poll does not read it: its owner does, before polling, so that
// nothing that completes in between is slept over.
int disk_uring_event_fd(struct disk *d);

#endif
