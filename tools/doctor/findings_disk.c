// The disk under the data folder.
#include "tools/doctor/disk_probe.h"
#include "tools/doctor/findings.h"

#include <errno.h>

#define SYNC_COUNT 200
#define FREE_BYTES_MIN (10ull << 30)
#define SYNC_P50_SLOW_NS 10000000

void findings_check_disk(struct findings *f, const char *data_dir)
{
    struct disk_probe probe;
    if (!disk_probe(&probe, data_dir, SYNC_COUNT)) {
        findings_add(f, "disk", FINDING_BAD, "name a folder that this user may use", "%.120s: %s", data_dir,
                     strerror(errno));
        return;
    }
    findings_add(f, "filesystem", probe.in_memory ? FINDING_BAD : FINDING_OK,
                 "keep the chain on a real disk: this filesystem lives in memory", "%s at %.150s", probe.filesystem,
                 probe.folder);
    findings_add(f, "disk space", probe.free_bytes >= FREE_BYTES_MIN ? FINDING_OK : FINDING_SLOW,
                 "make room, or set retain-blocks so that old blocks are removed", "%.1f GB free",
                 (double)probe.free_bytes / 1e9);
    if (probe.syncs)
        findings_add(f, "fdatasync", probe.sync_p50_ns < SYNC_P50_SLOW_NS ? FINDING_OK : FINDING_SLOW,
                     "every block waits for it: use an SSD with power-loss protection", "p50 %.2f ms, p99 %.2f ms",
                     (double)probe.sync_p50_ns / 1e6, (double)probe.sync_p99_ns / 1e6);
    else
        findings_add(f, "fdatasync", FINDING_BAD, "name a folder that this user may write to (--data)",
                     "%.150s can't be written to", probe.folder);
}
