// The metrics of a node's cluster, from what it shows of it (engine/rpc/metrics.h). Any thread.
#ifndef GANTRY_ENGINE_CLUSTER_METRICS_H
#define GANTRY_ENGINE_CLUSTER_METRICS_H

#include "engine/consensus_view.h"

#include <stdio.h>

// Nothing until the first numbers are published.
void cluster_metrics(const struct cluster_report *report, FILE *out);

#endif
