#include <string.h>

#include "base/mem.h"
#include "store/internal.h"

static const pv_bytes none = {"", 0};

pv_batch *pv_batch_new(void)
{
    return pv_alloc(sizeof(pv_batch));
}

void pv_batch_free(pv_batch *b)
{
    if (b == NULL) return;
    pv_free(b->ops);
    pv_buf_wipe(&b->arena);
    pv_buf_deinit(&b->message);
    pv_free(b);
}

pv_bytes batch_part(const pv_batch *b, const pv_op *op, int part)
{
    size_t at = op->at;
    for (int i = 0; i < part; i++) at += op->len[i];
    return (pv_bytes){b->arena.data + at, op->len[part]};
}

/* Ids, runs and keys: not empty, not too long.  Types and spaces: no NUL either. */
static pv_status check_name(const char *what, pv_bytes name, size_t max, bool plain, pv_err *err)
{
    if (name.len == 0) return pv_fail(err, PV_EINVAL, "%s is empty", what);
    if (name.len > max) {
        return pv_fail(err, PV_ELIMIT, "%s '%.60s...' is longer than %zu bytes", what, name.data,
                       max);
    }
    if (plain && memchr(name.data, '\0', name.len) != NULL) {
        return pv_fail(err, PV_EINVAL, "%s '%s' has a zero byte in it", what, name.data);
    }
    return PV_OK;
}

static pv_status check_data(pv_bytes data, pv_err *err)
{
    if (data.len <= PV_STORE_VALUE_MAX) return PV_OK;
    return pv_fail(err, PV_ELIMIT, "a value of %zu bytes is larger than the store takes (%d)",
                   data.len, PV_STORE_VALUE_MAX);
}

static pv_status add(pv_batch *b, pv_op_kind kind, pv_bytes a, pv_bytes n2, pv_bytes n3,
                     pv_bytes data)
{
    const pv_bytes parts[4] = {a, n2, n3, data};
    pv_op *op;
    if (b->count == b->cap) {
        b->cap = b->cap == 0 ? 4 : b->cap * 2;
        b->ops = pv_realloc_array(b->ops, b->cap, sizeof *b->ops);
    }
    op = &b->ops[b->count++];
    op->kind = kind;
    op->at = b->arena.len;
    for (int i = 0; i < 4; i++) {
        op->len[i] = (uint32_t)parts[i].len;
        pv_buf_add(&b->arena, parts[i].data, parts[i].len);
    }
    return PV_OK;
}

pv_status pv_batch_node(pv_batch *b, pv_bytes id, pv_bytes type, pv_bytes data, pv_err *err)
{
    pv_status status = check_name("node id", id, PV_STORE_ID_MAX, false, err);
    if (status == PV_OK) status = check_name("node type", type, PV_STORE_TYPE_MAX, true, err);
    if (status == PV_OK) status = check_data(data, err);
    return status != PV_OK ? status : add(b, OP_NODE, id, type, none, data);
}

pv_status pv_batch_del_node(pv_batch *b, pv_bytes id, pv_err *err)
{
    pv_status status = check_name("node id", id, PV_STORE_ID_MAX, false, err);
    return status != PV_OK ? status : add(b, OP_DEL_NODE, id, none, none, none);
}

static pv_status check_edge(pv_bytes from, pv_bytes type, pv_bytes to, pv_err *err)
{
    pv_status status = check_name("edge start", from, PV_STORE_ID_MAX, false, err);
    if (status == PV_OK) status = check_name("edge type", type, PV_STORE_TYPE_MAX, true, err);
    if (status == PV_OK) status = check_name("edge end", to, PV_STORE_ID_MAX, false, err);
    return status;
}

pv_status pv_batch_edge(pv_batch *b, pv_bytes from, pv_bytes type, pv_bytes to, pv_bytes data,
                        pv_err *err)
{
    pv_status status = check_edge(from, type, to, err);
    if (status == PV_OK) status = check_data(data, err);
    return status != PV_OK ? status : add(b, OP_EDGE, from, type, to, data);
}

pv_status pv_batch_del_edge(pv_batch *b, pv_bytes from, pv_bytes type, pv_bytes to, pv_err *err)
{
    pv_status status = check_edge(from, type, to, err);
    return status != PV_OK ? status : add(b, OP_DEL_EDGE, from, type, to, none);
}

pv_status pv_batch_journal(pv_batch *b, pv_bytes run, pv_bytes data, pv_err *err)
{
    pv_status status = check_name("run", run, PV_STORE_ID_MAX, false, err);
    if (status == PV_OK) status = check_data(data, err);
    return status != PV_OK ? status : add(b, OP_JOURNAL, run, none, none, data);
}

pv_status pv_batch_del_journal(pv_batch *b, pv_bytes run, pv_err *err)
{
    pv_status status = check_name("run", run, PV_STORE_ID_MAX, false, err);
    return status != PV_OK ? status : add(b, OP_DEL_JOURNAL, run, none, none, none);
}

pv_status pv_batch_put(pv_batch *b, pv_bytes space, pv_bytes key, pv_bytes data, pv_err *err)
{
    pv_status status = check_name("space", space, PV_STORE_TYPE_MAX, true, err);
    if (status == PV_OK) status = check_name("key", key, PV_STORE_ID_MAX, false, err);
    if (status == PV_OK) status = check_data(data, err);
    return status != PV_OK ? status : add(b, OP_PUT, space, key, none, data);
}

pv_status pv_batch_del(pv_batch *b, pv_bytes space, pv_bytes key, pv_err *err)
{
    pv_status status = check_name("space", space, PV_STORE_TYPE_MAX, true, err);
    if (status == PV_OK) status = check_name("key", key, PV_STORE_ID_MAX, false, err);
    return status != PV_OK ? status : add(b, OP_DEL, space, key, none, none);
}

pv_status pv_batch_del_range(pv_batch *b, pv_bytes space, pv_bytes prefix, pv_bytes before,
                             pv_err *err)
{
    pv_status status = check_name("space", space, PV_STORE_TYPE_MAX, true, err);
    if (status == PV_OK && prefix.len != 0)
        status = check_name("prefix", prefix, PV_STORE_ID_MAX, false, err);
    if (status == PV_OK && before.len != 0)
        status = check_name("key", before, PV_STORE_ID_MAX, false, err);
    return status != PV_OK ? status : add(b, OP_DEL_RANGE, space, prefix, before, none);
}

void pv_batch_expect(pv_batch *b, uint64_t revision)
{
    b->expected = revision;
    b->has_expected = true;
}

void pv_batch_epoch(pv_batch *b, uint64_t token)
{
    b->epoch = token;
    b->has_epoch = true;
}

pv_status pv_batch_message(pv_batch *b, pv_bytes message, pv_err *err)
{
    if (message.len > 64 * 1024)
        return pv_fail(err, PV_ELIMIT, "the message of a commit is too long");
    pv_buf_reset(&b->message);
    return pv_buf_add(&b->message, message.data, message.len);
}
