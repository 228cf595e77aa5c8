// gantry: the one binary. Finds the subcommand and hands over.
#include "base/keccak.h"
#include "base/version.h"
#include "sigverify/sigverify.h"
#include "tools/bus_error.h"
#include "tools/commands.h"

#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"dev", cmd_dev, "a one-validator chain in a second, with well-known funded accounts"},
    {"node", cmd_node, "run a validator from a configuration"},
    {"init", cmd_init, "make keys, genesis and configurations of a cluster of validators"},
    {"cluster", cmd_cluster, "run a cluster of validators on this machine"},
    {"recover", cmd_recover, "let a validator that lost its log go on, without voting until that is safe"},
    {"verify-certificate", cmd_verify_certificate, "check offline that a block is final"},
    {"load", cmd_load, "send transactions to a node at a given rate and report rates and latencies"},
    {"top", cmd_top, "show what one node or a cluster is doing, live, in the terminal"},
    {"tx", cmd_tx, "show the way that a transaction took through a node, step by step"},
    {"profile", cmd_profile, "show where a running node's time goes: stages, functions, a flame graph"},
    {"trace", cmd_trace, "record a timeline of a running node's shards and coordinator, for public viewers"},
    {"export", cmd_export, "write a stored chain's blocks as concatenated RLP, for other clients to import"},
    {"import", cmd_import, "check blocks from a file in full, and store them as a chain"},
    {"replay", cmd_replay, "re-execute a stored chain, serially and over shards, and compare every block"},
    {"statetest", cmd_statetest, "run official Ethereum state tests"},
    {"blocktest", cmd_blocktest, "run official Ethereum blockchain tests"},
    {"address", cmd_address, "find addresses in a partition, so that contracts lie together"},
    {"sim", cmd_sim, "simulate a cluster from a seed, with faults, and check the consensus invariants"},
    {"docs", cmd_docs, "print the reference pages that are generated from the program's tables"},
    {"bench", cmd_bench, "measure a part, or a whole node, beside a reference"},
    {"doctor", cmd_doctor, "check kernel, io_uring, CPU, limits and disk, and say how to fix what is amiss"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_help(FILE *out)
{
    fprintf(out, "usage: gantry COMMAND [options]\n\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-18s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n  gantry COMMAND --help   a command's options\n"
                 "  gantry --version        commit and kernels in use\n\n"
                 "exit codes: 0 done, 1 failed, 2 wrong command line\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    char error[SV_ERROR_MAX];
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_OK;
    }
    if (!sv_choose_kernels(error)) {
        fprintf(stderr, "gantry: %s\n", error);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("%s, signatures: %s, keccak: %s\n", gantry_version(), sv_kernel_name(), keccak256_implementation());
        return EXIT_OK;
    }
    const struct command *command = find_command(argv[1]);
    if (!command) {
        fprintf(stderr, "gantry: unknown command \"%.64s\" (gantry --help lists them)\n", argv[1]);
        return EXIT_USAGE;
    }
    bus_error_explain();
    return command->run(argc - 1, argv + 1);
}
