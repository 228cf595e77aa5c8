// A certificate as JSON and back.
#include "engine/certificate.h"

#include "base/hex.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[] = {
    [WIRE_NOTARIZE] = "notarize", [WIRE_NULLIFY] = "nullify", [WIRE_FINALIZE] = "finalize"};

// ---- writing

static void put_hex(FILE *out, const void *bytes, size_t len)
{
    char piece[128];
    fputs("\"0x", out);
    for (size_t at = 0; at < len; at += sizeof piece / 2) {
        const size_t n = len - at < sizeof piece / 2 ? len - at : sizeof piece / 2;
        hex_encode(piece, (const uint8_t *)bytes + at, n);
        fwrite(piece, 1, 2 * n, out);
    }
    fputs("\"", out);
}

char *certificate_write(const struct certificate *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    fputs("{\"executed\":[", out);
    for (unsigned i = 0; i < c->executed_count; i++) {
        fputs(i > 0 ? "," : "", out);
        put_hex(out, c->executed[i], c->executed_len[i]);
    }
    fputs("],\"ordering\":[", out);
    for (unsigned i = 0; i < c->ordering_count; i++) {
        fputs(i > 0 ? "," : "", out);
        put_hex(out, &c->ordering[i], sizeof c->ordering[i]);
    }
    fprintf(out,
            "],\"certificate\":{\"kind\":\"%s\",\"epoch\":\"0x%" PRIx64 "\",\"view\":\"0x%" PRIx64 "\",\"digest\":",
            kinds[c->kind], c->epoch, c->view);
    put_hex(out, c->digest.b, sizeof c->digest.b);
    fputs(",\"signers\":[", out);
    for (unsigned i = 0; i < c->signer_count; i++)
        fprintf(out, "%s%u", i > 0 ? "," : "", c->signers[i]);
    fputs("],\"signatures\":[", out);
    for (unsigned i = 0; i < c->signer_count; i++) {
        fputs(i > 0 ? "," : "", out);
        put_hex(out, c->signatures[i].b, sizeof c->signatures[i].b);
    }
    fputs("]}}", out);
    fclose(out);
    return text;
}

// ---- reading

__attribute__((format(printf, 2, 3))) static bool refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error, CERTIFICATE_ERROR_MAX, format, args);
    va_end(args);
    return false;
}

// The members are exactly these, each there.
static bool has_exactly(const json_t *object, const char *place, const char *const *names, size_t count, char *error)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return refuse(error, "%s: not an object", place);
    for (size_t i = 0; i < count; i++) {
        if (!json_object_get(object, names[i]))
            return refuse(error, "%s: \"%s\" is missing", place, names[i]);
    }
    json_object_foreach((json_t *)object, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known |= strcmp(key, names[i]) == 0;
        if (!known)
            return refuse(error, "%s: unknown member \"%.64s\"", place, key);
    }
    return true;
}

static bool read_list(const json_t **out, unsigned *count, const json_t *object, const char *key, unsigned most,
                      char *error)
{
    *out = json_object_get(object, key);
    if (!json_is_array(*out) || json_array_size(*out) > most)
        return refuse(error, "%s: not a list of at most %u", key, most);
    *count = (unsigned)json_array_size(*out);
    return true;
}

// Hexadecimal with 0x; its length in bytes, -1 with a message.
static ptrdiff_t read_hex(uint8_t *out, size_t cap, const json_t *value, const char *place, char *error)
{
    const char *text = json_string_value(value);
    const ptrdiff_t len =
        text && strncmp(text, "0x", 2) == 0 ? hex_decode(out, cap, text, json_string_length(value)) : -1;
    if (len < 0)
        refuse(error, "%s: not 0x and at most %zu hexadecimal bytes", place, cap);
    return len;
}

static bool read_exact(void *out, size_t len, const json_t *value, const char *place, char *error)
{
    const ptrdiff_t got = read_hex(out, len, value, place, error);
    return got == (ptrdiff_t)len || (got >= 0 && refuse(error, "%s: not %zu bytes", place, len)) || false;
}

// A quantity as in JSON-RPC: 0x and no leading zeros.
static bool read_quantity(uint64_t *out, const json_t *object, const char *key, char *error)
{
    const char *text = json_string_value(json_object_get(object, key));
    const size_t len = text ? strlen(text) : 0, digits = len < 2 ? 0 : strspn(text + 2, "0123456789abcdef");
    if (len < 3 || len > 18 || strncmp(text, "0x", 2) != 0 || digits != len - 2 || (text[2] == '0' && len > 3))
        return refuse(error, "certificate.%s: not a quantity", key);
    *out = strtoull(text, NULL, 16);
    return true;
}

static bool read_executed(struct certificate *c, const json_t *root, char *error)
{
    const json_t *list;
    unsigned count = 0;
    if (!read_list(&list, &count, root, "executed", CERTIFICATE_HEADERS_MAX, error))
        return false;
    for (unsigned i = 0; i < count; i++) {
        char place[32];
        uint8_t rlp[HEADER_ENCODED_MAX];
        snprintf(place, sizeof place, "executed[%u]", i);
        const ptrdiff_t len = read_hex(rlp, sizeof rlp, json_array_get(list, i), place, error);
        if (len < 0 || !certificate_add_executed(c, bytes_of(rlp, (size_t)len)))
            return false;
    }
    return true;
}

static bool read_ordering(struct certificate *c, const json_t *root, char *error)
{
    const json_t *list;
    if (!read_list(&list, &c->ordering_count, root, "ordering", CERTIFICATE_HEADERS_MAX, error))
        return false;
    for (unsigned i = 0; i < c->ordering_count; i++) {
        char place[32];
        snprintf(place, sizeof place, "ordering[%u]", i);
        if (!read_exact(&c->ordering[i], sizeof c->ordering[i], json_array_get(list, i), place, error))
            return false;
    }
    return true;
}

static bool read_signers(struct certificate *c, const json_t *object, char *error)
{
    const json_t *signers, *signatures;
    unsigned count = 0;
    if (!read_list(&signers, &c->signer_count, object, "signers", WIRE_VALIDATORS_MAX, error) ||
        !read_list(&signatures, &count, object, "signatures", WIRE_VALIDATORS_MAX, error))
        return false;
    if (count != c->signer_count)
        return refuse(error, "certificate: %u signers and %u signatures", c->signer_count, count);
    for (unsigned i = 0; i < count; i++) {
        char place[32];
        snprintf(place, sizeof place, "signatures[%u]", i);
        const json_t *signer = json_array_get(signers, i);
        const json_int_t number = json_integer_value(signer);
        if (!json_is_integer(signer) || number < 0 || number >= WIRE_VALIDATORS_MAX ||
            (i > 0 && number <= c->signers[i - 1]))
            return refuse(error, "signers[%u]: not a number below %d above the one before", i, WIRE_VALIDATORS_MAX);
        c->signers[i] = (uint16_t)number;
        if (!read_exact(c->signatures[i].b, sizeof c->signatures[i].b, json_array_get(signatures, i), place, error))
            return false;
    }
    return true;
}

static bool read_certificate(struct certificate *c, const json_t *object, char *error)
{
    static const char *const names[] = {"kind", "epoch", "view", "digest", "signers", "signatures"};
    if (!has_exactly(object, "certificate", names, sizeof names / sizeof names[0], error))
        return false;
    const char *kind = json_string_value(json_object_get(object, "kind"));
    for (unsigned k = WIRE_NOTARIZE; kind && k <= WIRE_FINALIZE; k++) {
        if (strcmp(kind, kinds[k]) == 0)
            c->kind = (uint8_t)k;
    }
    if (c->kind == 0)
        return refuse(error, "certificate.kind: not \"notarize\", \"nullify\" or \"finalize\"");
    return read_quantity(&c->epoch, object, "epoch", error) && read_quantity(&c->view, object, "view", error) &&
           read_exact(c->digest.b, sizeof c->digest.b, json_object_get(object, "digest"), "digest", error) &&
           read_signers(c, object, error);
}

// The proof itself, or what a JSON-RPC answer holds as its result. NULL: the answer has none.
static const json_t *proof_of(const json_t *root, char *error)
{
    const char *message = json_string_value(json_object_get(json_object_get(root, "error"), "message"));
    if (!json_object_get(root, "jsonrpc"))
        return root;
    if (!json_object_get(root, "result"))
        refuse(error, "the node gave no proof: %.160s", message ? message : "its answer has no result");
    return json_object_get(root, "result");
}

struct certificate *certificate_parse(const char *json, size_t len, char error[CERTIFICATE_ERROR_MAX])
{
    static const char *const names[] = {"executed", "ordering", "certificate"};
    struct certificate *c = certificate_new();
    json_error_t at = {0};
    json_t *root = len > CERTIFICATE_JSON_MAX ? NULL : json_loadb(json, len, JSON_REJECT_DUPLICATES, &at);
    bool good = root != NULL;
    if (len > CERTIFICATE_JSON_MAX)
        refuse(error, "longer than %u bytes", CERTIFICATE_JSON_MAX);
    else if (!root)
        refuse(error, "line %d, column %d: %.160s", at.line, at.column, at.text);
    const json_t *proof = proof_of(root, error);
    good = good && proof && has_exactly(proof, "the proof", names, sizeof names / sizeof names[0], error) &&
           read_executed(c, proof, error) && read_ordering(c, proof, error) &&
           read_certificate(c, json_object_get(proof, "certificate"), error);
    json_decref(root);
    if (good)
        return c;
    certificate_free(c);
    return NULL;
}
