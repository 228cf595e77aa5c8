// The subcommands of gantry, one tools/cmd_NAME.c each; the table in main.c names them.
//
// Each is called once, on the main thread, with argv[0] its own name ("load"). It returns the process' exit code:
// EXIT_OK, EXIT_FAILED after one clear line on standard error, or EXIT_USAGE when the command line was wrong.
#ifndef GANTRY_TOOLS_COMMANDS_H
#define GANTRY_TOOLS_COMMANDS_H

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int cmd_dev(int argc, char **argv);
int cmd_recover(int argc, char **argv);
int cmd_verify_certificate(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_cluster(int argc, char **argv);
int cmd_node(int argc, char **argv);
int cmd_load(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_tx(int argc, char **argv);
int cmd_profile(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_docs(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_statetest(int argc, char **argv);
int cmd_blocktest(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_address(int argc, char **argv);

#endif
