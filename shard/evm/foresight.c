#include "shard/evm/foresight.h"

#include "base/keccak.h"

enum {
    SETS = 128, // power of two
    WAYS = 4,
    HASHES_MAX = EVM_AHEAD_SLOTS_MAX / EVM_AHEAD_MAX,
    ARGUMENTS_MAX = 8,
    WORD = 32,
};
_Static_assert(KECCAK_MEMO_INPUT == 2 * WORD, "a hash is made of two words");

enum source { IS_VALUE, IS_SENDER, IS_ARGUMENT, IS_HASH };

// Where a word of an input comes from.
struct word {
    uint8_t source; // enum source
    uint8_t number; // of the argument, or of the hash among the function's
    uint8_t value[WORD];
};

struct hash {
    struct word words[2];
    address contract; // whose slot it is
    bool is_slot;     // not known to be a mapping inside a mapping
};

struct function {
    address to;
    uint32_t selector;
    uint32_t count;
    struct hash hashes[HASHES_MAX]; // in the order in which they were first made
};

struct foresight {
    struct function functions[SETS][WAYS];
};

struct foresight *foresight_create(struct arena *arena)
{
    return arena_alloc_zero(arena, sizeof(struct foresight));
}

void foresight_free(struct foresight *f, struct arena *arena)
{
    arena_free(arena, f);
}

static uint32_t selector_of(struct bytes data)
{
    uint32_t selector = 0;
    if (data.len > 0) // ptr may be NULL else
        memcpy(&selector, data.ptr, data.len < sizeof selector ? data.len : sizeof selector);
    return selector;
}

static size_t set_of(const address *to, uint32_t selector)
{
    const uint64_t mixed = (load_le64(to->b + 12) + selector) * 0x9e3779b97f4a7c15;
    return mixed >> 57;
}
_Static_assert(SETS == 1 << 7, "sets have 7 bits");

// Where the function is in its set; WAYS when it isn't there.
static size_t way_of(const struct function *set, const address *to, uint32_t selector)
{
    size_t way = 0;
    while (way < WAYS && (set[way].selector != selector || !address_equal(&set[way].to, to)))
        way++;
    return way;
}

// A place for a new function: one of which nothing is known, else any.
static size_t free_way(const struct function *set, const address *to)
{
    size_t way = 0;
    while (way < WAYS && set[way].count > 0)
        way++;
    return way < WAYS ? way : to->b[sizeof to->b - 1] % WAYS;
}

// NULL beyond the data.
static const uint8_t *argument(struct bytes data, size_t number)
{
    const size_t at = 4 + number * WORD;
    return data.len >= at + WORD ? data.ptr + at : NULL;
}

// ---- using

// Writes what a word will be; false when it can't be known.
static bool word_of(uint8_t out[WORD], const struct word *w, const struct evm_ahead *call, const bytes32 *hashes)
{
    const uint8_t *from = w->value;
    if (w->source == IS_SENDER) {
        memset(out, 0, WORD - sizeof *call->sender);
        memcpy(out + WORD - sizeof *call->sender, call->sender->b, sizeof *call->sender);
        return true;
    }
    if (w->source == IS_ARGUMENT)
        from = argument(call->data, w->number);
    else if (w->source == IS_HASH)
        from = hashes[w->number].b;
    if (from)
        memcpy(out, from, WORD);
    return from != NULL;
}

static bool input_of(uint8_t out[2 * WORD], const struct hash *h, const struct evm_ahead *call, const bytes32 *hashes)
{
    return word_of(out, &h->words[0], call, hashes) && word_of(out + WORD, &h->words[1], call, hashes);
}

// Inputs to be hashed together: of several calls, each its function's hash of the same number.
struct wave {
    size_t count;
    size_t call[EVM_AHEAD_MAX];
    uint8_t inputs[EVM_AHEAD_MAX][2 * WORD];
};

static void compute(const struct wave *wave, struct keccak_memo *memo, bytes32 (*hashes)[HASHES_MAX], size_t number)
{
    struct bytes inputs[EVM_AHEAD_MAX];
    bytes32 out[EVM_AHEAD_MAX];
    for (size_t i = 0; i < wave->count; i++)
        inputs[i] = bytes_of(wave->inputs[i], sizeof wave->inputs[i]);
    keccak256_batch(out, inputs, wave->count);
    for (size_t i = 0; i < wave->count; i++) {
        hashes[wave->call[i]][number] = out[i];
        keccak_memo_put(memo, wave->inputs[i], &out[i]);
    }
}

// Finds each call's functions; returns how many hashes the longest one has.
static uint32_t find_functions(const struct function **out, const struct foresight *f, const struct evm_ahead *calls,
                               size_t count)
{
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        const uint32_t selector = selector_of(calls[i].data);
        const struct function *set = f->functions[set_of(calls[i].to, selector)];
        const size_t way = way_of(set, calls[i].to, selector);
        out[i] = way < WAYS ? &set[way] : NULL;
        if (out[i] && out[i]->count > most)
            most = out[i]->count;
    }
    return most;
}

size_t foresight_use(const struct foresight *f, struct keccak_memo *memo, const struct evm_ahead *calls, size_t count,
                     struct evm_slot_ahead *out)
{
    const struct function *functions[EVM_AHEAD_MAX];
    bytes32 hashes[EVM_AHEAD_MAX][HASHES_MAX];
    const uint32_t most = find_functions(functions, f, calls, count);
    for (uint32_t number = 0; number < most; number++) {
        struct wave wave = {.count = 0};
        for (size_t i = 0; i < count; i++) {
            uint8_t *input = wave.inputs[wave.count];
            if (!functions[i] || number >= functions[i]->count)
                continue;
            if (!input_of(input, &functions[i]->hashes[number], &calls[i], hashes[i])) {
                functions[i] = NULL;
                continue;
            }
            const bytes32 *remembered = keccak_memo_find(memo, input);
            if (remembered)
                hashes[i][number] = *remembered;
            else
                wave.call[wave.count++] = i;
        }
        compute(&wave, memo, hashes, number);
    }
    size_t slots = 0;
    for (size_t i = 0; i < count; i++) {
        for (uint32_t number = 0; functions[i] && number < functions[i]->count; number++) {
            const struct hash *h = &functions[i]->hashes[number];
            if (h->is_slot)
                out[slots++] = (struct evm_slot_ahead){i, h->contract, u256_from_be(hashes[i][number].b, WORD)};
        }
    }
    return slots;
}

// ---- learning

// The function's hashes for this call, as far as they are remembered; returns how many.
static uint32_t recall(bytes32 *out, const struct function *f, const struct evm_ahead *call,
                       const struct keccak_memo *memo)
{
    for (uint32_t i = 0; i < f->count; i++) {
        uint8_t input[2 * WORD];
        const bytes32 *hash = input_of(input, &f->hashes[i], call, out) ? keccak_memo_find(memo, input) : NULL;
        if (!hash)
            return i;
        out[i] = *hash;
    }
    return f->count;
}

static struct word source_of(const uint8_t *value, const struct evm_ahead *call, const bytes32 *hashes, uint32_t count)
{
    struct word w = {.source = IS_SENDER};
    uint8_t sender[WORD];
    if (word_of(sender, &w, call, hashes) && memcmp(sender, value, WORD) == 0)
        return w;
    w.source = IS_ARGUMENT;
    for (; w.number < ARGUMENTS_MAX && argument(call->data, w.number); w.number++) {
        if (memcmp(argument(call->data, w.number), value, WORD) == 0)
            return w;
    }
    w.source = IS_HASH;
    for (w.number = 0; w.number < count; w.number++) {
        if (memcmp(hashes[w.number].b, value, WORD) == 0)
            return w;
    }
    w = (struct word){.source = IS_VALUE};
    memcpy(w.value, value, WORD);
    return w;
}

// A mapping's number, which by chance an argument may have too.
static bool is_small(const uint8_t *value)
{
    static const uint8_t zeros[WORD - 2];
    return memcmp(value, zeros, sizeof zeros) == 0;
}

static bool word_equal(const struct word *a, const struct word *b)
{
    return a->source == b->source && a->number == b->number && memcmp(a->value, b->value, WORD) == 0;
}

static bool is_known(const struct function *f, const struct hash *h)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct hash *k = &f->hashes[i];
        if (word_equal(&k->words[0], &h->words[0]) && word_equal(&k->words[1], &h->words[1]) &&
            address_equal(&k->contract, &h->contract))
            return true;
    }
    return false;
}

static void add(struct function *f, const struct hash *h)
{
    // What was of use leaves no room that is of none: begin again.
    if (f->count == HASHES_MAX) {
        f->count = 0;
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (h->words[i].source == IS_HASH)
            f->hashes[h->words[i].number].is_slot = false;
    }
    f->hashes[f->count++] = *h;
}

void foresight_learn(struct foresight *f, const struct evm_tx *tx, const address *contract, const uint8_t *input,
                     const struct keccak_memo *memo)
{
    const struct evm_ahead call = {&tx->sender, &tx->to, tx->data};
    const uint32_t selector = selector_of(tx->data);
    struct function *set = f->functions[set_of(&tx->to, selector)];
    const size_t way = way_of(set, &tx->to, selector);
    struct function *function = &set[way < WAYS ? way : free_way(set, &tx->to)];
    if (way == WAYS) {
        function->to = tx->to;
        function->selector = selector;
        function->count = 0;
    }
    bytes32 hashes[HASHES_MAX];
    const uint32_t recalled = recall(hashes, function, &call, memo);
    struct hash h = {.contract = *contract, .is_slot = true};
    h.words[0] = source_of(input, &call, hashes, recalled);
    h.words[1] = source_of(input + WORD, &call, hashes, recalled);
    if (is_small(input + WORD)) {
        h.words[1] = (struct word){.source = IS_VALUE};
        memcpy(h.words[1].value, input + WORD, WORD);
    }
    if ((h.words[0].source != IS_VALUE || h.words[1].source != IS_VALUE) && !is_known(function, &h))
        add(function, &h);
}
