// Kernel, processor, limits, io_uring.
#include "base/arena.h"
#include "base/keccak.h"
#include "sigverify/sigverify.h"
#include "tools/doctor/findings.h"

#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#define KERNEL_MAJOR_MIN 6
#define KERNEL_MINOR_MIN 1
#define OPEN_FILES_MIN 4096
#define MEMLOCK_MIN (1u << 20)

static void check_kernel(struct findings *f)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    uname(&name);
    const bool parsed = sscanf(name.release, "%u.%u", &major, &minor) == 2;
    const bool new_enough =
        parsed && (major > KERNEL_MAJOR_MIN || (major == KERNEL_MAJOR_MIN && minor >= KERNEL_MINOR_MIN));
    findings_add(f, "kernel", new_enough ? FINDING_OK : FINDING_BAD,
                 "run Linux 6.1 or newer (Debian 12 and later have it)", "%.64s %.64s", name.sysname, name.release);
}

static void check_cpu(struct findings *f)
{
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") != 0;
    const bool ifma = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
    unsigned eax = 7, ebx, ecx = 0, edx;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    const bool sha = (ebx >> 29 & 1) != 0;
    findings_add(f, "cpu", FINDING_OK, NULL, "sha %s, avx2 %s, avx512ifma %s", sha ? "yes" : "no", avx2 ? "yes" : "no",
                 ifma ? "yes" : "no");
    findings_add(f, "kernels", FINDING_OK, NULL, "signatures: %s, keccak: %s", sv_kernel_name(),
                 keccak256_implementation());
}

static void check_cores(struct findings *f)
{
    cpu_set_t set;
    const int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    findings_add(f, "cores", cores >= 2 ? FINDING_OK : FINDING_SLOW,
                 "allow the process more than one core (taskset, cpuset, container limits)", "%d usable", cores);
}

static long read_number(const char *path)
{
    long value = -1;
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    if (fscanf(file, "%ld", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

static void check_huge_pages(struct findings *f)
{
    char mode[64] = "unknown";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (file) {
        if (!fgets(mode, sizeof mode, file))
            strcpy(mode, "unknown");
        fclose(file);
        mode[strcspn(mode, "\n")] = 0;
    }
    findings_add(f, "huge pages", arena_has_huge_pages() ? FINDING_OK : FINDING_SLOW,
                 "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled", "transparent: %s; reserved: %ld", mode,
                 read_number("/proc/sys/vm/nr_hugepages"));
}

void findings_check_machine(struct findings *f)
{
    check_kernel(f);
    check_cpu(f);
    check_cores(f);
    check_huge_pages(f);
}

static void check_limit(struct findings *f, const char *name, int resource, rlim_t min, const char *fix)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0)
        return;
    const enum finding_state state = limit.rlim_cur >= min ? FINDING_OK : FINDING_SLOW;
    if (limit.rlim_cur == RLIM_INFINITY)
        findings_add(f, name, state, fix, "unlimited");
    else
        findings_add(f, name, state, fix, "%llu (at least %llu wanted)", (unsigned long long)limit.rlim_cur,
                     (unsigned long long)min);
}

// A ring is the only proof: a system setting, a seccomp filter or a missing kernel option may each forbid it.
static void check_io_uring(struct findings *f)
{
    struct io_uring ring;
    const int result = io_uring_queue_init(8, &ring, 0);
    if (result == 0) {
        io_uring_queue_exit(&ring);
        findings_add(f, "io_uring", FINDING_OK, NULL, "usable");
        return;
    }
    const long disabled = read_number("/proc/sys/kernel/io_uring_disabled");
    const char *fix = "this kernel has no io_uring: use one built with CONFIG_IO_URING";
    if (disabled > 0)
        fix = "sysctl kernel.io_uring_disabled=0 (1 allows it to the group kernel.io_uring_group only)";
    else if (result == -EPERM || result == -EACCES)
        fix = "a seccomp filter forbids it: for Docker or Podman use --security-opt seccomp=unconfined, or a profile "
              "that "
              "allows io_uring_setup, io_uring_enter and io_uring_register";
    else if (result == -ENOMEM)
        fix = "raise the memory lock limit (ulimit -l, LimitMEMLOCK= in systemd)";
    findings_add(f, "io_uring", FINDING_BAD, fix, "a ring can't be set up: %s", strerror(-result));
}

void findings_check_limits(struct findings *f)
{
    check_io_uring(f);
    check_limit(f, "open files", RLIMIT_NOFILE, OPEN_FILES_MIN, "ulimit -n 65536, or LimitNOFILE=65536 in systemd");
    check_limit(f, "memory lock", RLIMIT_MEMLOCK, MEMLOCK_MIN,
                "ulimit -l unlimited, or LimitMEMLOCK=infinity in systemd");
}
