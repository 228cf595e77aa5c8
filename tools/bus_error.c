#include "tools/bus_error.h"

#include "tools/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

// A signal handler may not allocate, nor use stdio.
static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static const char *read_hex(const char *at, uintptr_t *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit;
    for (*out = 0; *at && (digit = strchr(digits, *at)); at++)
        *out = *out << 4 | (uintptr_t)(digit - digits);
    return at;
}

// Is the address within the mapping of this line, "from-to ..." (proc(5))?
static int holds(const char *line, uintptr_t address)
{
    uintptr_t from, to;
    line = read_hex(line, &from);
    if (*line != '-')
        return 0;
    read_hex(line + 1, &to);
    return from <= address && address < to;
}

// Says the path in the line of /proc/self/maps that the address is in.
static void say_path(uintptr_t address)
{
    char line[4352], c;
    size_t len = 0;
    const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (maps >= 0 && read(maps, &c, 1) == 1) {
        if (c != '\n') {
            if (len < sizeof line - 1)
                line[len++] = c;
            continue;
        }
        line[len] = 0;
        len = 0;
        const char *path = strchr(line, '/');
        if (path && holds(line, address)) {
            say(": ");
            say(path);
            return;
        }
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    say("gantry: a mapped file ends early, or its disk can't be read");
    say_path((uintptr_t)info->si_addr);
    say("\n        (state/data.mdb: without the folder state/, the next start makes it again from a whole log)\n");
    _exit(EXIT_FAILED);
}

void bus_error_explain(void)
{
    const struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
}
