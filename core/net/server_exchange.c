/* Answers. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "net/server_internal.h"

enum { STREAM = -1, NO_BODY = -2 };

void server_exchange_free(pv_exchange *x)
{
    pv_buf_deinit(&x->body);
    pv_free(x->head_bytes);
    pv_free(x);
}

void server_exchange_gone(pv_exchange *x)
{
    int given = x->conn->given;
    x->conn = NULL;
    if (!given) server_exchange_free(x);
    else if (x->events.on_gone != NULL) x->events.on_gone(x->events.arg);
}

const pv_request *pv_exchange_request(const pv_exchange *x)
{
    return &x->request;
}

pv_bytes pv_request_field(const pv_request *request, const char *name)
{
    pv_bytes none = {NULL, 0};
    size_t len = strlen(name);
    for (size_t i = 0; i < request->head.field_count; i++) {
        const pv_http1_field *f = &request->head.fields[i];
        if (f->name.len == len && strncasecmp(f->name.data, name, len) == 0) return f->value;
    }
    return none;
}

void pv_exchange_watch(pv_exchange *x, const pv_exchange_events *events)
{
    x->events = *events;
}

server_conn *server_exchange_live(const pv_exchange *x)
{
    return x->conn != NULL && x->conn->state != CONN_GONE ? x->conn : NULL;
}

void server_exchange_end(pv_exchange *x, int keep)
{
    server_conn *conn = x->conn;
    server_exchange_free(x);
    if (conn == NULL) return;
    conn->exchange = NULL;
    conn->owes_drained = 0;
    if (conn->state == CONN_BUSY) server_conn_answered(conn, keep);
}

static const char *date_line(pv_httpd *server)
{
    time_t now = time(NULL);
    struct tm tm;
    if (now != server->date_time && gmtime_r(&now, &tm) != NULL) {
        server->date_time = now; /* the locale of prov's programs is C */
        strftime(server->date, sizeof server->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    }
    return server->date;
}

static int is_reserved(pv_bytes name)
{
    static const char *const names[] = {"content-length", "transfer-encoding", "connection",
                                        "date"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (name.len == strlen(names[i]) && strncasecmp(name.data, names[i], name.len) == 0)
            return 1;
    return 0;
}

static pv_status check(int status, const char *const *fields, size_t count, pv_err *err)
{
    if (status < 200 || status > 599)
        return pv_fail(err, PV_EINVAL, "status %d is not between 200 and 599", status);
    for (size_t i = 0; i < count; i++) {
        const char *colon = strchr(fields[i], ':');
        pv_bytes name = {fields[i], colon != NULL ? (size_t)(colon - fields[i]) : 0};
        pv_bytes value = {colon, colon != NULL ? strlen(colon) : 0};
        if (!pv_http1_is_token(name) || !pv_http1_is_value(value))
            return pv_fail(err, PV_EINVAL, "header line %zu is malformed", i + 1);
        if (is_reserved(name))
            return pv_fail(err, PV_EINVAL, "header line %zu: the server sets %.*s itself", i + 1,
                           (int)name.len, name.data);
    }
    return PV_OK;
}

static int has_body(int status)
{
    return status != 204 && status != 304;
}

/* minor: of the request's version. */
static void add_head(server_conn *conn, int status, const char *const *fields, size_t count,
                     long long length, int keep, int minor)
{
    pv_buf *out = &conn->out;
    char number[64];
    int n = snprintf(number, sizeof number, "HTTP/1.1 %d ", status);
    pv_buf_add(out, number, (size_t)n);
    pv_buf_adds(out, pv_http1_reason(status));
    pv_buf_add(out, "\r\n", 2);
    pv_buf_adds(out, date_line(conn->server));
    for (size_t i = 0; i < count; i++) {
        pv_buf_adds(out, fields[i]);
        pv_buf_add(out, "\r\n", 2);
    }
    if (length >= 0) {
        n = snprintf(number, sizeof number, "Content-Length: %lld\r\n", length);
        pv_buf_add(out, number, (size_t)n);
    } else if (length == STREAM) {
        pv_buf_adds(out, "Transfer-Encoding: chunked\r\n");
    }
    if (!keep) pv_buf_adds(out, "Connection: close\r\n");
    else if (minor == 0) pv_buf_adds(out, "Connection: keep-alive\r\n");
    pv_buf_add(out, "\r\n", 2);
}

static int keeps(const pv_exchange *x)
{
    return x->keep && !x->conn->server->draining;
}

pv_status pv_exchange_respond(pv_exchange *x, int status, const char *const *fields, size_t count,
                              pv_bytes body, pv_err *err)
{
    server_conn *conn = server_exchange_live(x);
    pv_status bad = check(status, fields, count, err);
    int keep;
    if (bad == PV_OK && x->started) bad = pv_fail(err, PV_EINVAL, "the answer has begun already");
    if (bad != PV_OK) {
        pv_exchange_problem(x, 500, NULL);
        return bad;
    }
    keep = conn != NULL && keeps(x);
    if (conn != NULL) {
        add_head(conn, status, fields, count, has_body(status) ? (long long)body.len : NO_BODY,
                 keep, x->request.head.minor);
        if (!x->is_head && has_body(status)) pv_buf_add(&conn->out, body.data, body.len);
    }
    server_exchange_end(x, keep);
    return PV_OK;
}

void pv_exchange_abort(pv_exchange *x)
{
    if (x->conn != NULL) server_conn_drop(x->conn);
    server_exchange_end(x, 0);
}

static void add_json_text(pv_buf *out, const char *text)
{
    pv_buf_addc(out, '"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') pv_buf_addc(out, '\\');
        if (c < 0x20) pv_buf_addf(out, "\\u%04x", c);
        else pv_buf_addc(out, (char)c);
    }
    pv_buf_addc(out, '"');
}

static const char *const problem_fields[] = {"Content-Type: application/problem+json",
                                             "Cache-Control: no-store"};

static void add_problem(pv_buf *out, int status, const char *detail)
{
    pv_buf_adds(out, "{\"type\":\"about:blank\",\"title\":");
    add_json_text(out, pv_http1_reason(status));
    pv_buf_addf(out, ",\"status\":%d", status);
    if (detail != NULL) {
        pv_buf_adds(out, ",\"detail\":");
        add_json_text(out, detail);
    }
    pv_buf_adds(out, "}\n");
}

void pv_exchange_problem(pv_exchange *x, int status, const char *detail)
{
    server_problem(x, status, detail, NULL);
}

void server_problem(pv_exchange *x, int status, const char *detail, const char *field)
{
    const char *const fields[] = {problem_fields[0], problem_fields[1], field};
    pv_buf text = {0};
    if (x->started) { /* what the client has got must not look complete */
        pv_exchange_abort(x);
        return;
    }
    if (status < 400 || status > 599) status = 500;
    add_problem(&text, status, detail);
    pv_exchange_respond(x, status, fields, field != NULL ? 3 : 2, (pv_bytes){text.data, text.len},
                        NULL);
    pv_buf_deinit(&text);
}

void server_refuse(server_conn *conn, int status, const char *detail, int headers_only)
{
    pv_buf text = {0};
    add_problem(&text, status, detail);
    add_head(conn, status, problem_fields, 2, (long long)text.len, 0, 1);
    if (!headers_only) pv_buf_add(&conn->out, text.data, text.len);
    pv_buf_deinit(&text);
    server_conn_linger(conn);
}

pv_status pv_exchange_start(pv_exchange *x, int status, const char *const *fields, size_t count,
                            pv_err *err)
{
    server_conn *conn = server_exchange_live(x);
    pv_status bad = check(status, fields, count, err);
    if (bad == PV_OK && x->started) bad = pv_fail(err, PV_EINVAL, "the answer has begun already");
    if (bad != PV_OK) return bad;
    x->started = 1;
    x->chunked = x->request.head.minor > 0 && has_body(status);
    x->is_head |= !has_body(status);
    if (conn == NULL) return PV_OK;
    x->keep = keeps(x) && (x->chunked || x->is_head);
    add_head(conn, status, fields, count, x->chunked ? STREAM : NO_BODY, x->keep,
             x->request.head.minor);
    server_conn_flush(conn);
    return PV_OK;
}

pv_status pv_exchange_write(pv_exchange *x, pv_bytes data, pv_err *err)
{
    server_conn *conn = server_exchange_live(x);
    size_t pending;
    if (!x->started) return pv_fail(err, PV_EINVAL, "the answer has not begun");
    if (conn == NULL) return pv_fail(err, PV_ECLOSED, "the client is gone");
    if (data.len == 0 || x->is_head) return PV_OK;
    pending = server_conn_pending(conn);
    if (pending > 0 && pending + data.len > x->stream_bytes)
        return pv_fail(err, PV_ELIMIT, "the client does not take its stream fast enough");
    if (x->chunked) pv_buf_addf(&conn->out, "%zx\r\n", data.len);
    pv_buf_add(&conn->out, data.data, data.len);
    if (x->chunked) pv_buf_add(&conn->out, "\r\n", 2);
    server_conn_flush(conn);
    conn->owes_drained = server_conn_pending(conn) > 0;
    return PV_OK;
}

size_t pv_exchange_pending(const pv_exchange *x)
{
    const server_conn *conn = server_exchange_live(x);
    return conn != NULL ? server_conn_pending(conn) : 0;
}

void pv_exchange_finish(pv_exchange *x)
{
    server_conn *conn = server_exchange_live(x);
    if (!x->started) {
        pv_exchange_problem(x, 500, NULL);
        return;
    }
    if (conn != NULL && x->chunked && !x->is_head) pv_buf_adds(&conn->out, "0\r\n\r\n");
    server_exchange_end(x, x->keep);
}
