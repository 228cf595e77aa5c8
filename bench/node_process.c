#include "bench/node_process.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_NS 180000000000ull // reading a genesis of a million accounts takes seconds
#define STOP_TIMEOUT_NS 60000000000ull
#define WAIT_US 2000
#define CALL_TIMEOUT_MS 5000

// A port that was free a moment ago.
static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        at.sin_port = 0;
    if (fd >= 0)
        close(fd);
    return ntohs(at.sin_port);
}

static bool write_config(const struct node_process *p, const struct node_setup *setup, const char *path)
{
    char genesis[NODE_PATH_MAX];
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    snprintf(genesis, sizeof genesis, "%s/genesis.json", setup->folder);
    fprintf(file, "data = \"%s/chain\"\n", setup->folder);
    if (access(genesis, F_OK) == 0)
        fprintf(file, "genesis = \"%s\"\n", genesis);
    fprintf(file, "rpc-port = %u\ningest-port = %u\nblock-time = %llums\nshards = %llu\n", p->rpc_port, p->ingest_port,
            (unsigned long long)setup->block_time_ms, (unsigned long long)setup->shards);
    return fclose(file) == 0;
}

// In the child: becomes the node. Does not return.
__attribute__((noreturn)) static void become_node(const char *folder, const char *config, const char *log, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    if (folder && chdir(folder) != 0)
        _exit(1);
    execl("/proc/self/exe", "gantry", "node", "--config", config, (char *)NULL);
    _exit(127);
}

static bool has_ended(struct node_process *p, int *status)
{
    const bool ended = waitpid(p->pid, status, WNOHANG) == p->pid;
    if (ended)
        p->pid = -1;
    return ended;
}

static bool wait_until_up(struct node_process *p)
{
    const struct rpc_url url = {.host = "127.0.0.1", .port = p->rpc_port, .path = "/"};
    const uint64_t deadline = clock_ns() + START_TIMEOUT_NS;
    struct rpc_client *rpc = rpc_client_create(&url, CALL_TIMEOUT_MS);
    bool up = false;
    int status;
    while (!up && clock_ns() < deadline && !has_ended(p, &status)) {
        uint64_t id;
        char error[RPC_ERROR_MAX];
        up = rpc_call_u64(rpc, "eth_chainId", "[]", &id, error);
        if (!up)
            usleep(WAIT_US);
    }
    rpc_client_free(rpc);
    return up;
}

static void print_log_end(const struct node_process *p)
{
    char text[2048];
    FILE *file = fopen(p->log, "re");
    if (!file)
        return;
    const long most = sizeof text - 1;
    if (fseek(file, -most, SEEK_END) != 0)
        rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    fprintf(stderr, "the last of its log:\n%s", text);
}

// folder: where it runs; NULL: here.
static bool launch(struct node_process *p, const char *folder, const char *config)
{
    const pid_t parent = getpid();
    p->pid = fork();
    if (p->pid == 0)
        become_node(folder, config, p->log, parent);
    if (p->pid > 0 && wait_until_up(p))
        return true;
    fprintf(stderr, "the node did not come up; ");
    print_log_end(p);
    node_process_stop(p);
    return false;
}

bool node_process_start(struct node_process *p, const struct node_setup *setup)
{
    char config[NODE_PATH_MAX];
    *p = (struct node_process){.pid = -1, .rpc_port = free_port(), .ingest_port = free_port()};
    snprintf(config, sizeof config, "%s/node.conf", setup->folder);
    snprintf(p->log, sizeof p->log, "%s/node.log", setup->folder);
    if (!write_config(p, setup, config)) {
        fprintf(stderr, "%s: %s\n", config, strerror(errno));
        return false;
    }
    return launch(p, NULL, config);
}

bool node_process_start_in(struct node_process *p, const char *folder, uint16_t rpc_port, uint16_t ingest_port)
{
    *p = (struct node_process){.pid = -1, .rpc_port = rpc_port, .ingest_port = ingest_port};
    snprintf(p->log, sizeof p->log, "%s/node.log", folder);
    return launch(p, folder, "node.conf");
}

void node_process_kill(struct node_process *p)
{
    kill(p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    p->pid = -1;
}

bool node_process_stop(struct node_process *p)
{
    if (p->pid <= 0)
        return true;
    const uint64_t deadline = clock_ns() + STOP_TIMEOUT_NS;
    int status = -1;
    kill(p->pid, SIGTERM);
    while (!has_ended(p, &status)) {
        if (clock_ns() >= deadline) {
            fprintf(stderr, "the node did not end within a minute and was killed\n");
            node_process_kill(p);
            return false;
        }
        usleep(WAIT_US);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status))
        fprintf(stderr, "the node was killed by signal %d; ", WTERMSIG(status));
    else
        fprintf(stderr, "the node ended with exit code %d; ", WEXITSTATUS(status));
    print_log_end(p);
    return false;
}

uint64_t node_process_cpu_ns(const struct node_process *p)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(p->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

char *node_process_metrics(const struct node_process *p)
{
    const struct rpc_url url = {.host = "127.0.0.1", .port = p->rpc_port, .path = "/"};
    struct rpc_client *rpc = rpc_client_create(&url, CALL_TIMEOUT_MS);
    char error[RPC_ERROR_MAX];
    size_t len;
    const char *text = rpc_get(rpc, "/metrics", &len, error);
    char *copy = strdup(text ? text : "");
    rpc_client_free(rpc);
    return copy;
}
