#include <string.h>

#include "store/internal.h"

enum { NODE_HEAD = 18, EDGE_HEAD = 9, LOCK_HEAD = 16, AAD_CAP = 2 * KEY_CAP + 64 };

void put_u64be(char *to, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8) to[i] = (char)(value & 0xff);
}

uint64_t get_u64be(const char *from)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | (unsigned char)from[i];
    return value;
}

void put_u64le(char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++, value >>= 8) to[i] = (char)(value & 0xff);
}

uint64_t get_u64le(const char *from)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | (unsigned char)from[i];
    return value;
}

/* uuid, tag, the numbers, then both names with their lengths: no two places share one. */
static size_t make_aad(const pv_store *s, char *to, const pv_where *w)
{
    size_t len = 0;
    memcpy(to, s->uuid, UUID_LEN);
    len += UUID_LEN;
    to[len++] = w->tag;
    put_u64le(to + len, w->a);
    put_u64le(to + len + 8, w->b);
    put_u64le(to + len + 16, w->c);
    len += 24;
    to[len++] = (char)(w->name.len & 0xff);
    to[len++] = (char)(w->name.len >> 8 & 0xff);
    if (w->name.len != 0) memcpy(to + len, w->name.data, w->name.len);
    len += w->name.len;
    if (w->name2.len != 0) memcpy(to + len, w->name2.data, w->name2.len);
    return len + w->name2.len;
}

pv_status seal_to(pv_store *s, pv_buf *out, pv_bytes data, const pv_where *where, pv_err *err)
{
    char aad[AAD_CAP];
    pv_status status;
    size_t len = data.len + (s->sealer != NULL ? s->sealer->overhead : 0);
    char *to = pv_buf_reserve(out, len);
    if (to == NULL) return pv_fail(err, PV_ELIMIT, "value is too large");
    if (s->sealer == NULL) {
        if (len != 0) memcpy(to, data.data, len);
    } else {
        pv_bytes bound = {aad, make_aad(s, aad, where)};
        status = s->sealer->seal(s->sealer, data, bound, to, err);
        if (status != PV_OK) return status;
    }
    out->len += len;
    out->data[out->len] = '\0';
    return PV_OK;
}

pv_status open_to(pv_store *s, pv_buf *out, pv_bytes sealed, const pv_where *where, pv_err *err)
{
    char aad[AAD_CAP];
    char *to;
    size_t overhead = s->sealer != NULL ? s->sealer->overhead : 0;
    if (sealed.len < overhead)
        return pv_fail(err, PV_ECORRUPT, "%s: a record is too short", s->path);
    to = pv_buf_reserve(out, sealed.len - overhead);
    if (to == NULL) return pv_fail(err, PV_ELIMIT, "value is too large");
    if (s->sealer == NULL) {
        if (sealed.len != 0) memcpy(to, sealed.data, sealed.len);
    } else {
        pv_bytes bound = {aad, make_aad(s, aad, where)};
        if (s->sealer->open(s->sealer, sealed, bound, to, NULL) != PV_OK) {
            return pv_fail(err, PV_ECORRUPT,
                           "%s: a record (%c %.*s) was changed or moved: it does not open", s->path,
                           where->tag, (int)where->name.len,
                           where->name.len != 0 ? where->name.data : "");
        }
    }
    out->len += sealed.len - overhead;
    out->data[out->len] = '\0';
    return PV_OK;
}

pv_where where_node(const pv_node_rec *rec, pv_bytes id)
{
    return (pv_where){'n', rec->num, rec->rev, rec->flags, id, rec->type};
}

pv_where where_edge(const pv_edge_rec *rec, const pv_edge_key *key)
{
    return (pv_where){.tag = 'e', .a = key->near, .b = key->far, .c = rec->rev, .name = key->type};
}

bool parse_node(pv_bytes raw, pv_node_rec *rec)
{
    size_t type_len;
    if (raw.len < NODE_HEAD) return false;
    rec->flags = (uint8_t)raw.data[0];
    type_len = (unsigned char)raw.data[1];
    rec->num = get_u64le(raw.data + 2);
    rec->rev = get_u64le(raw.data + 10);
    if (raw.len - NODE_HEAD < type_len) return false;
    rec->type = (pv_bytes){raw.data + NODE_HEAD, type_len};
    rec->sealed = (pv_bytes){raw.data + NODE_HEAD + type_len, raw.len - NODE_HEAD - type_len};
    return true;
}

bool parse_edge(pv_bytes raw, pv_edge_rec *rec)
{
    if (raw.len < EDGE_HEAD) return false;
    rec->flags = (uint8_t)raw.data[0];
    rec->rev = get_u64le(raw.data + 1);
    rec->sealed = (pv_bytes){raw.data + EDGE_HEAD, raw.len - EDGE_HEAD};
    return true;
}

bool parse_edge_key(pv_bytes raw, pv_edge_key *key)
{
    if (raw.len < 18 || raw.data[raw.len - 9] != '\0') return false;
    key->near = get_u64be(raw.data);
    key->far = get_u64be(raw.data + raw.len - 8);
    key->type = (pv_bytes){raw.data + 8, raw.len - 17};
    return true;
}

bool parse_journal(pv_bytes raw, pv_bytes *run, pv_bytes *sealed)
{
    size_t len;
    if (raw.len < 2) return false;
    len = (size_t)(unsigned char)raw.data[0] | (size_t)(unsigned char)raw.data[1] << 8;
    if (raw.len - 2 < len) return false;
    *run = (pv_bytes){raw.data + 2, len};
    *sealed = (pv_bytes){raw.data + 2 + len, raw.len - 2 - len};
    return true;
}

bool parse_lock(pv_bytes raw, uint64_t *token, int64_t *expires, pv_bytes *owner)
{
    if (raw.len < LOCK_HEAD) return false;
    *token = get_u64le(raw.data);
    *expires = (int64_t)get_u64le(raw.data + 8);
    *owner = (pv_bytes){raw.data + LOCK_HEAD, raw.len - LOCK_HEAD};
    return true;
}

void add_node_head(pv_buf *out, const pv_node_rec *rec)
{
    char head[NODE_HEAD];
    head[0] = (char)rec->flags;
    head[1] = (char)rec->type.len;
    put_u64le(head + 2, rec->num);
    put_u64le(head + 10, rec->rev);
    pv_buf_add(out, head, sizeof head);
    pv_buf_add(out, rec->type.data, rec->type.len);
}

void add_edge_head(pv_buf *out, const pv_edge_rec *rec)
{
    char head[EDGE_HEAD];
    head[0] = (char)rec->flags;
    put_u64le(head + 1, rec->rev);
    pv_buf_add(out, head, sizeof head);
}

size_t make_edge_key(char *to, uint64_t near, pv_bytes type, uint64_t far)
{
    put_u64be(to, near);
    memcpy(to + 8, type.data, type.len);
    to[8 + type.len] = '\0';
    put_u64be(to + 9 + type.len, far);
    return 17 + type.len;
}

size_t make_kv_key(char *to, pv_bytes space, pv_bytes key)
{
    memcpy(to, space.data, space.len);
    to[space.len] = '\0';
    if (key.len != 0) memcpy(to + space.len + 1, key.data, key.len);
    return space.len + 1 + key.len;
}
