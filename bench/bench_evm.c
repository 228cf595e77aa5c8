// bench evm: whole transactions (evm_exec.h), and the interpreter on the contracts of the ipsilon benchmarks, execution
// only: one call after the other on a state in memory, nothing committed. The contracts' reference is what evmone's
// better interpreter does, taken down or up by how fast this machine's libsecp256k1 is beside that of the machine where
// it was measured. CPU time of one thread.
#include "base/clock.h"
#include "bench/bench.h"
#include "bench/evm_exec.h"
#include "bench/recover_rate.h"
#include "shard/evm/precompiles/precompiles.h"
#include "tools/official/official_json.h"

#include <stdlib.h>
#include <sys/stat.h>

// What libsecp256k1 recovered a second on the core where evmone was measured.
#define EVMONE_RECOVER_RATE 22200.0

static const struct contract {
    const char *name, *input; // the label of the input
    double evmone;            // million gas a second
} contracts[] = {
    {"blake2b_huff", "8415nulls", 1349}, {"blake2b_shifts", "8415nulls", 1815},
    {"sha1_divs", "5311", 753},          {"sha1_shifts", "5311", 1548},
    {"snailtracer", "benchmark", 7010},  {"structarray_alloc", "nfts_rank", 5387},
    {"swap_math", "spent", 1590},        {"weierstrudel", "15", 355},
};
#define CONTRACT_COUNT (sizeof contracts / sizeof contracts[0])

struct bed {
    struct arena *arena;
    struct precompiles *precompiles;
    struct evm_world *world;
    struct evm *evm;
};

// The number of the input with this label.
static bool find_input(size_t *out, const json_t *test, const char *label)
{
    const char *number;
    json_t *text;
    json_object_foreach(json_object_get(json_object_get(test, "_info"), "labels"), number, text)
    {
        if (strcmp(json_string_value(text), label) == 0) {
            *out = strtoul(number, NULL, 10);
            return true;
        }
    }
    return false;
}

// Million gas a CPU second over at least `seconds`, in the best of a few runs; 0 when the call doesn't succeed.
static double gas_rate(struct bed *bed, const struct evm_tx *tx, double seconds)
{
    enum { RUNS = 5 };
    double best = 0;
    const uint64_t intrinsic = evm_intrinsic_gas(evm_rules_of(EVM_CANCUN), tx);
    for (int run = 0; run < RUNS; run++) {
        uint64_t gas = 0, spent = 0;
        const uint64_t start = clock_thread_cpu_ns();
        while ((double)spent < seconds * 1e9 / RUNS) {
            // Asking for the time takes as long as a short call.
            for (int i = 0; i < 16; i++) {
                struct evm_result result;
                if (evm_transact(bed->evm, tx, 0, &result) != EVM_DONE || !result.success)
                    return 0;
                gas += result.gas_used - intrinsic;
            }
            spent = clock_thread_cpu_ns() - start;
        }
        const double rate = (double)gas * 1e3 / (double)spent;
        best = rate > best ? rate : best;
    }
    return best;
}

static bool measure_contract(struct bed *bed, struct bench_report *report, const struct contract *c, const json_t *test,
                             double seconds, double scale)
{
    size_t input;
    struct evm_block block;
    struct official_tx tx = {0};
    double rate = 0;
    evm_world_clear(bed->world);
    if (find_input(&input, test, c->input) && official_accounts(bed->world, json_object_get(test, "pre")) &&
        official_env(&block, evm_rules_of(EVM_CANCUN), json_object_get(test, "env"), 1) &&
        official_tx(&tx, json_object_get(test, "transaction"), input, 0, 0)) {
        evm_set_block(bed->evm, &block);
        rate = gas_rate(bed, &tx.tx, seconds);
    }
    official_tx_free(&tx);
    if (rate == 0) {
        fprintf(stderr, "bench evm: %s is not the benchmark that it should be, or fails\n", c->name);
        return false;
    }
    bench_report_add(report, c->name, rate, "Mgas/s", "evmone, scaled", c->evmone * scale, rate / (c->evmone * scale));
    return true;
}

static bool measure_file(struct bed *bed, struct bench_report *report, const char *folder, const struct contract *c,
                         double seconds, double scale)
{
    char path[4096];
    json_error_t where;
    snprintf(path, sizeof path, "%s/%s.json", folder, c->name);
    json_t *root = json_load_file(path, 0, &where);
    if (!root)
        fprintf(stderr, "bench evm: %s: line %d: %s\n", path, where.line, where.text);
    const bool ok = root && measure_contract(bed, report, c, json_object_get(root, c->name), seconds, scale);
    json_decref(root);
    return ok;
}

static bool measure_contracts(struct bench_report *report, const char *folder, double seconds, double scale)
{
    const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
    struct bed bed = {.arena = arena_create(), .precompiles = precompiles_create()};
    bed.world = evm_world_create(bed.arena, rules);
    bed.evm = evm_create(bed.arena, rules, bed.precompiles, evm_world_host(bed.world));
    bool ok = true;
    for (size_t i = 0; ok && i < CONTRACT_COUNT; i++)
        ok = measure_file(&bed, report, folder, &contracts[i], seconds, scale);
    evm_free(bed.evm);
    evm_world_free(bed.world);
    precompiles_free(bed.precompiles);
    arena_destroy(bed.arena);
    return ok;
}

int bench_evm(struct bench_report *report, const struct bench_options *options)
{
    struct stat info;
    const char *folder = options->data_path;
    if (folder && (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))) {
        fprintf(stderr, "bench evm: --data names the folder of the benchmark contracts, benchmarks/main of "
                        "https://github.com/ipsilon/evm-benchmarks\n");
        return -1;
    }
    const struct recover_rate library = recover_rate_library(options->seed, options->quick ? 0.5 : 2);
    const double recover_rate = 1e6 / library.cpu_us_each;
    if (!evm_exec(report, options, recover_rate))
        return -1;
    if (!folder) {
        fprintf(stderr, "bench evm: no --data, so without the benchmark contracts\n");
        return 0;
    }
    const double seconds = options->quick ? 0.5 : 2;
    return measure_contracts(report, folder, seconds, recover_rate / EVMONE_RECOVER_RATE) ? 0 : -1;
}
