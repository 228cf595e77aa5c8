// A mapped file that is shorter than it should be, or whose disk fails, shows as SIGBUS where its bytes are read.
#ifndef GANTRY_TOOLS_BUS_ERROR_H
#define GANTRY_TOOLS_BUS_ERROR_H

// From then on such a signal names the file on standard error and ends the process with EXIT_FAILED. Any thread.
void bus_error_explain(void);

#endif
