// Checks a chain's files from end to end, for `gantry doctor --data`.
#ifndef GANTRY_ENGINE_STORE_DOCTOR_H
#define GANTRY_ENGINE_STORE_DOCTOR_H

#include <stdio.h>

// Reads everything in the data folder and writes what it finds, one line a finding, to out: each record's checksum and
// contents, that heights and parent hashes follow one another, the index files, the checkpoint. Changes nothing.
// Returns 0 when the chain is whole (a torn tail is; the next start cuts it), 1 when something is damaged or can't be
// read. While a node uses the folder its newest group and the checkpoint are not judged.
int store_doctor(const char *dir, FILE *out);

#endif
