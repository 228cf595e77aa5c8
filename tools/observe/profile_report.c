#include "tools/observe/profile_report.h"

#include <stdlib.h>

#define FUNCTIONS_MAX 200 // in a report
// Of the process' CPU time: less than this of it unseen needs no words.
#define UNSEEN_SHARE 0.01

struct function {
    const char *name;
    uint64_t self_ns, total_ns, stages[PROFILE_STAGES];
};

struct functions {
    struct function *items;
    size_t count;
    uint32_t *of_node; // by node of the tree
};

// ---- functions, out of the tree

static int by_name(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    return (x->name > y->name) - (x->name < y->name);
}

static int by_self(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    if (x->self_ns != y->self_ns)
        return x->self_ns < y->self_ns ? 1 : -1;
    return strcmp(x->name, y->name);
}

// Nodes below a thread and a stage are functions.
static bool is_function(const struct call_tree *t, size_t i)
{
    return i > 0 && t->nodes[i].parent != 0 && t->nodes[t->nodes[i].parent].parent != 0;
}

static unsigned stage_of(const struct call_tree *t, size_t i)
{
    while (t->nodes[t->nodes[i].parent].parent != 0)
        i = t->nodes[i].parent;
    const char *name = profile_name(&t->nodes[i]);
    unsigned stage = 0;
    while (stage < STAGE_COUNT && strcmp(name, profile_stage_name(stage)) != 0)
        stage++;
    return stage;
}

// Is a caller of this node the same function? Then its time is in the caller's already.
static bool recurses(const struct call_tree *t, size_t i)
{
    for (uint32_t up = t->nodes[i].parent; up != 0; up = t->nodes[up].parent) {
        if (t->nodes[up].key == t->nodes[i].key)
            return true;
    }
    return false;
}

// Items of one name become one.
static size_t unite(struct function *items, size_t count)
{
    size_t n = 0;
    qsort(items, count, sizeof *items, by_name);
    for (size_t i = 0; i < count; i++) {
        if (n == 0 || items[n - 1].name != items[i].name) {
            items[n++] = items[i];
            continue;
        }
        items[n - 1].self_ns += items[i].self_ns;
        items[n - 1].total_ns += items[i].total_ns;
        for (unsigned s = 0; s < PROFILE_STAGES; s++)
            items[n - 1].stages[s] += items[i].stages[s];
    }
    return n;
}

// By falling time of their own; malloc'ed.
static struct function *functions_of(const struct call_tree *t, size_t *count)
{
    struct function *items = calloc(t->count, sizeof *items);
    if (!items)
        abort();
    size_t n = 0;
    for (size_t i = 1; i < t->count; i++) {
        if (!is_function(t, i))
            continue;
        const struct call_node *node = &t->nodes[i];
        struct function *f = &items[n++];
        *f = (struct function){profile_name(node), node->self_ns, recurses(t, i) ? 0 : node->total_ns, {0}};
        f->stages[stage_of(t, i)] = node->self_ns;
    }
    n = unite(items, n);
    qsort(items, n, sizeof *items, by_self);
    *count = n < FUNCTIONS_MAX ? n : FUNCTIONS_MAX;
    return items;
}

// ---- JSON

static double per_unit(const struct profile *p, double ns)
{
    const uint64_t transactions = profile_transactions(p);
    return transactions > 0 ? ns / (double)transactions : ns;
}

static json_t *thread_json(const struct profile *p, size_t i)
{
    static const char *const names[ADMIN_COUNTERS] = {"cycles", "instructions", "cache_misses", "branch_misses"};
    const struct profile_thread *t = &p->threads[i];
    json_t *sampled = json_object(), *counted = json_object(), *counters = json_object();
    for (unsigned s = 0; s < PROFILE_STAGES; s++) {
        json_object_set_new(sampled, profile_stage_name(s), json_real(per_unit(p, (double)t->sampled_ns[s])));
        if (s < STAGE_COUNT)
            json_object_set_new(counted, profile_stage_name(s), json_real(per_unit(p, profile_counted_ns(p, i, s))));
    }
    for (unsigned c = 0; c < ADMIN_COUNTERS; c++) {
        if (t->edge[0].has_counters & t->edge[1].has_counters & (1u << c))
            json_object_set_new(counters, names[c],
                                json_real(per_unit(p, (double)(t->edge[1].counters[c] - t->edge[0].counters[c]))));
    }
    return json_pack("{s:s, s:f, s:o, s:o, s:o, s:f, s:I}", "name", p->node.threads[i].name, "cpu",
                     per_unit(p, (double)profile_cpu_ns(p, i)), "sampled", sampled, "counted", counted, "counters",
                     counters, "kernel", per_unit(p, (double)t->kernel_ns), "lost",
                     (json_int_t)p->node.threads[i].lost);
}

static json_t *functions_json(const struct profile *p)
{
    size_t count;
    struct function *items = functions_of(&p->functions, &count);
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *stages = json_object();
        for (unsigned s = 0; s < PROFILE_STAGES; s++) {
            if (items[i].stages[s] > 0)
                json_object_set_new(stages, profile_stage_name(s), json_real(per_unit(p, (double)items[i].stages[s])));
        }
        json_array_append_new(all, json_pack("{s:s, s:f, s:f, s:o}", "name", items[i].name, "self",
                                             per_unit(p, (double)items[i].self_ns), "total",
                                             per_unit(p, (double)items[i].total_ns), "stages", stages));
    }
    free(items);
    return all;
}

// What a reader would miss without being told.
static json_t *unseen_json(const struct profile *p)
{
    json_t *all = json_array();
    uint64_t seen = 0, lost = p->dropped;
    const uint64_t process = p->process_cpu_ns[1] - p->process_cpu_ns[0];
    bool counters = false;
    for (size_t i = 0; i < p->node.thread_count; i++) {
        seen += profile_cpu_ns(p, i);
        lost += p->node.threads[i].lost;
        counters = counters || p->threads[i].edge[0].has_counters != 0;
    }
    if (process > seen && (double)(process - seen) > UNSEEN_SHARE * (double)process)
        json_array_append_new(all, json_sprintf("%.1f %% of the process' CPU time: io_uring's kernel workers, threads "
                                                "that started meanwhile, and the admin thread.",
                                                100.0 * (double)(process - seen) / (double)process));
    json_array_append_new(all,
                          json_string("Inside the kernel: its time stands at the system call (\"[kernel]\") or the "
                                      "instruction that led there."));
    json_array_append_new(all, json_string("Waiting: only time on a processor is sampled; gantry trace shows waits."));
    json_array_append_new(all, json_string("Functions of libraries between a library's function and gantry's that "
                                           "called it: libraries keep no frame pointers."));
    if (!counters)
        json_array_append_new(all, json_string("Cycles, instructions and misses: there are no hardware counters here, "
                                               "or they are refused."));
    if (!p->symbols)
        json_array_append_new(all, json_string("Names: the process' memory map could not be read, so functions have "
                                               "none."));
    if (lost > 0)
        json_array_append_new(all,
                              json_sprintf("%llu samples that did not fit their buffers.", (unsigned long long)lost));
    return all;
}

json_t *profile_json(const struct profile *p)
{
    json_t *threads = json_array();
    for (size_t i = 0; i < p->node.thread_count; i++)
        json_array_append_new(threads, thread_json(p, i));
    const uint64_t transactions = profile_transactions(p);
    return json_pack("{s:s, s:s, s:f, s:I, s:I, s:s, s:o, s:o, s:o}", "version", p->node.version, "source", p->source,
                     "seconds", (double)(p->time_ns[1] - p->time_ns[0]) / 1e9, "transactions", (json_int_t)transactions,
                     "samples", (json_int_t)p->samples, "unit", transactions > 0 ? "ns/tx" : "ns", "threads", threads,
                     "functions", functions_json(p), "unseen", unseen_json(p));
}

// ---- text

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double sum_of(const json_t *stages, bool running)
{
    const char *key;
    json_t *value;
    double sum = 0;
    json_object_foreach((json_t *)stages, key, value)
    {
        if (!running || (strcmp(key, "idle") != 0 && strcmp(key, "preempted") != 0))
            sum += json_number_value(value);
    }
    return sum;
}

static void print_stages(FILE *out, const json_t *report)
{
    size_t i;
    json_t *thread;
    fprintf(out, "%-16s%-9s", string(report, "unit"), "");
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        fprintf(out, "%10s", profile_stage_name(s));
    fprintf(out, "%10s%12s\n", "other", "on CPU");
    json_array_foreach(json_object_get(report, "threads"), i, thread)
    {
        if (number(thread, "cpu") == 0 && sum_of(json_object_get(thread, "counted"), false) == 0)
            continue; // it slept through
        const json_t *sampled = json_object_get(thread, "sampled"), *counted = json_object_get(thread, "counted");
        fprintf(out, "%-16s%-9s", string(thread, "name"), "sampled");
        for (unsigned s = 0; s < PROFILE_STAGES; s++)
            fprintf(out, "%10.0f", number(sampled, profile_stage_name(s)));
        fprintf(out, "%12.0f\n", sum_of(sampled, true));
        if (sum_of(counted, false) > 0) {
            fprintf(out, "%-16s%-9s", "", "counted");
            for (unsigned s = 0; s < STAGE_COUNT; s++)
                fprintf(out, "%10.0f", number(counted, profile_stage_name(s)));
            fprintf(out, "%10s%12.0f\n", "", sum_of(counted, true));
        }
        fprintf(out, "%-16s%-9s%*s%12.0f\n", "", "CPU time", 10 * (int)PROFILE_STAGES, "", number(thread, "cpu"));
    }
}

static void print_counters(FILE *out, const json_t *report)
{
    size_t i;
    json_t *thread, *value;
    const char *key;
    json_array_foreach(json_object_get(report, "threads"), i, thread)
    {
        json_object_foreach(json_object_get(thread, "counters"), key, value)
        {
            fprintf(out, "%s  %s: %.0f %s\n", string(thread, "name"), key, json_number_value(value),
                    strcmp(string(report, "unit"), "ns") == 0 ? "" : "a transaction");
        }
    }
}

void profile_print(FILE *out, const json_t *report, size_t functions)
{
    size_t i;
    json_t *item;
    fprintf(out, "%s, %.1f s, %.0f transactions, %.0f samples by %s\n\n", string(report, "version"),
            number(report, "seconds"), number(report, "transactions"), number(report, "samples"),
            string(report, "source"));
    if (number(report, "samples") == 0)
        fprintf(out, "No thread ran long enough to be sampled: is the node at work?\n\n");
    print_stages(out, report);
    print_counters(out, report);
    fprintf(out, "\n%12s%12s  %-40s%s\n", "self", "with calls", "function", "self by stage");
    json_array_foreach(json_object_get(report, "functions"), i, item)
    {
        const char *key;
        json_t *value;
        if (i == functions)
            break;
        fprintf(out, "%12.1f%12.1f  %-40s", number(item, "self"), number(item, "total"), string(item, "name"));
        json_object_foreach(json_object_get(item, "stages"), key, value)
        {
            fprintf(out, "%s %.1f  ", key, json_number_value(value));
        }
        fprintf(out, "\n");
    }
    fprintf(out, "\nnot seen:\n");
    json_array_foreach(json_object_get(report, "unseen"), i, item)
    {
        fprintf(out, "  %s\n", json_string_value(item));
    }
}
