#include "tools/path/path_text.h"

#include <string.h>

#include "tools/load/rpc_client.h"

#define DETAIL_MAX 240

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

bool path_is_over(const json_t *path)
{
    const json_t *steps = json_object_get(path, "steps");
    const char *status = text_of(path, "status");
    const char *last = text_of(json_array_get(steps, json_array_size(steps) - 1), "step");
    if (strcmp(status, "included") != 0)
        return strcmp(status, "dropped") == 0;
    return strcmp(last, "durable") == 0 || *text_of(path, "note");
}

void path_print_status(FILE *out, const json_t *path)
{
    uint64_t number, index;
    const char *reason = text_of(path, "reason"), *note = text_of(path, "note");
    fprintf(out, "%s  %s", text_of(path, "hash"), text_of(path, "status"));
    if (rpc_parse_quantity(json_object_get(path, "blockNumber"), &number) &&
        rpc_parse_quantity(json_object_get(path, "transactionIndex"), &index))
        fprintf(out, " in block %llu, index %llu%s", (unsigned long long)number, (unsigned long long)index,
                json_is_true(json_object_get(path, "success")) ? "" : ", reverted");
    fprintf(out, "%s%s\n", *reason ? ": " : "", reason);
    if (*note)
        fprintf(out, "%s\n", note);
}

// ---- one step

// A validator as {"number", "name"}.
static const char *validator(char out[64], const json_t *step, const char *key)
{
    const json_t *who = json_object_get(step, key);
    if (*text_of(who, "name"))
        snprintf(out, 64, "%s", text_of(who, "name"));
    else
        snprintf(out, 64, "validator %lld", number_of(who, "number"));
    return out;
}

static void say_executed(char out[DETAIL_MAX], const json_t *step)
{
    char where[32] = "by the coordinator";
    const char *escaped = text_of(step, "escaped");
    if (json_is_integer(json_object_get(step, "shard")))
        snprintf(where, sizeof where, "on shard %lld", number_of(step, "shard"));
    snprintf(out, DETAIL_MAX, "round %lld, pass %s, %s%s%s%s", number_of(step, "round"), text_of(step, "pass"), where,
             json_is_true(json_object_get(step, "success")) ? "" : ", reverted", *escaped ? "; escaped: " : "",
             escaped);
}

static void say_ordered(char out[DETAIL_MAX], const json_t *step)
{
    char leader[64];
    if (json_object_get(step, "view"))
        snprintf(out, DETAIL_MAX, "epoch %lld, view %lld, height %lld, led by %s", number_of(step, "epoch"),
                 number_of(step, "view"), number_of(step, "height"), validator(leader, step, "leader"));
    else
        snprintf(out, DETAIL_MAX, "by this node alone");
}

static void say_car(char out[DETAIL_MAX], const json_t *step)
{
    char owner[64];
    snprintf(out, DETAIL_MAX, "%s's car %lld of epoch %lld", validator(owner, step, "owner"),
             number_of(step, "position"), number_of(step, "epoch"));
}

static void say(char out[DETAIL_MAX], const json_t *step)
{
    const char *name = text_of(step, "step");
    *out = '\0';
    if (strcmp(name, "received") == 0)
        snprintf(out, DETAIL_MAX, "over %s, by shard %lld", text_of(step, "via"), number_of(step, "shard"));
    else if (strcmp(name, "executed") == 0)
        say_executed(out, step);
    else if (strcmp(name, "ordered") == 0)
        say_ordered(out, step);
    else if (strcmp(name, "car") == 0)
        say_car(out, step);
    else if (strcmp(name, "stored") == 0)
        snprintf(out, DETAIL_MAX, "the car is durable here%s",
                 json_is_true(json_object_get(step, "acked")) ? ", and acked" : "");
    else if (strcmp(name, "quorum") == 0)
        snprintf(out, DETAIL_MAX, "of validators has acked the car");
    else if (strcmp(name, "begun") == 0)
        snprintf(out, DETAIL_MAX, "the execution of block %lld", number_of(step, "block"));
    else if (strcmp(name, "sealed") == 0)
        snprintf(out, DETAIL_MAX, "roots and header are made");
    else if (strcmp(name, "durable") == 0)
        snprintf(out, DETAIL_MAX, "on disk; its receipt is visible");
    else if (json_is_string(json_object_get(step, "reason")))
        snprintf(out, DETAIL_MAX, "%s", text_of(step, "reason"));
    else if (json_is_integer(json_object_get(step, "shard")))
        snprintf(out, DETAIL_MAX, "shard %lld", number_of(step, "shard"));
}

// In the unit that suits it, 10 characters wide.
static void print_time(FILE *out, const json_t *us)
{
    const double value = json_number_value(us);
    if (!json_is_number(us))
        fprintf(out, "%10s", "-");
    else if (value < 1000)
        fprintf(out, "%7.1f us", value);
    else if (value < 1e6)
        fprintf(out, "%7.2f ms", value / 1e3);
    else
        fprintf(out, "%8.2f s", value / 1e6);
}

size_t path_print_steps(FILE *out, const json_t *path, size_t from)
{
    const json_t *steps = json_object_get(path, "steps");
    const size_t count = json_array_size(steps);
    if (from == 0 && count > 0)
        fprintf(out, "        at     since\n");
    for (size_t i = from; i < count; i++) {
        const json_t *step = json_array_get(steps, i);
        char detail[DETAIL_MAX];
        say(detail, step);
        print_time(out, json_object_get(step, "atUs"));
        print_time(out, json_object_get(step, "sinceUs"));
        fprintf(out, "  %-9s %s\n", text_of(step, "step"), detail);
    }
    return count;
}
