#include "db/pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { TIMEOUT_MS = 30000 };

static const uint64_t BY_MS = 1000000, LONGEST_PAUSE_MS = 320;

static const struct {
    const char *sqlstate; /* its first characters */
    pv_status status;
} states[] = {
    {"28", PV_EAUTH},        {"42501", PV_EDENIED},   {"42710", PV_EEXIST},
    {"42704", PV_ENOTFOUND}, {"42P01", PV_ENOTFOUND}, {"3D000", PV_ENOTFOUND},
    {"2BP01", PV_ECONFLICT}, {"40001", PV_EBUSY},     {"40P01", PV_EBUSY},
    {"40", PV_ECONFLICT},    {"55", PV_ECONFLICT},    {"57014", PV_ETIMEOUT},
    {"57", PV_EUNAVAILABLE}, {"53", PV_EUNAVAILABLE}, {"08", PV_EUNAVAILABLE},
};

static pv_status status_of(const char *sqlstate, pv_status otherwise)
{
    for (size_t i = 0; sqlstate != NULL && i < sizeof states / sizeof *states; i++) {
        if (strncmp(sqlstate, states[i].sqlstate, strlen(states[i].sqlstate)) == 0)
            return states[i].status;
    }
    return otherwise;
}

/* Waits until the socket can be read or written, or deadline (uv_hrtime) is over. */
static pv_status wait_for(PGconn *conn, short events, uint64_t deadline, pv_err *err)
{
    for (;;) {
        struct pollfd fd = {PQsocket(conn), events, 0};
        uint64_t now = uv_hrtime();
        int n = now >= deadline ? 0 : poll(&fd, 1, (int)((deadline - now) / BY_MS) + 1);
        if (n > 0) return PV_OK;
        if (n == 0) return pv_fail(err, PV_ETIMEOUT, "PostgreSQL did not answer in time");
        if (errno != EINTR) return pv_fail_errno(err, errno, "wait for PostgreSQL");
    }
}

/* The text of a login that failed is the server's; it names the user, never the password. */
static pv_status refused(PGconn *conn, pv_err *err)
{
    const char *text = PQerrorMessage(conn);
    size_t len = strcspn(text, "\n");
    int login = PQconnectionNeedsPassword(conn) || PQconnectionUsedPassword(conn) ||
                strstr(text, "authentication failed") != NULL;
    int starting = strstr(text, "starting up") != NULL || strstr(text, "too many") != NULL ||
                   strstr(text, "shutting down") != NULL;
    pv_status status =
        login && !starting && strstr(text, "FATAL") != NULL ? PV_EAUTH : PV_EUNAVAILABLE;
    return pv_fail(err, status, "connect to PostgreSQL: %.*s", (int)len, text);
}

static pv_status connect_to(PGconn **out, const pv_pg_options *o, uint64_t deadline, pv_err *err)
{
    const char *names[] = {"dbname", "fallback_application_name", "user", "password", NULL};
    const char *values[] = {o->conninfo, "prov", o->user, o->password, NULL};
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    /* dbname is expanded; the later ones win where they are not NULL. */
    *out = PQconnectStartParams(names, values, 1);
    if (*out == NULL) return pv_fail(err, PV_EUNAVAILABLE, "connect to PostgreSQL: no memory");
    if (PQstatus(*out) == CONNECTION_BAD) {
        /* libpq quotes the conninfo here, and that may hold a password. */
        return PQsocket(*out) < 0 && strstr(PQerrorMessage(*out), "connection to server") == NULL
                   ? pv_fail(err, PV_EINVAL,
                             "the connection URL is none that PostgreSQL understands")
                   : refused(*out, err);
    }
    while (step != PGRES_POLLING_OK) {
        pv_status st =
            wait_for(*out, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, err);
        if (st != PV_OK) return st;
        step = PQconnectPoll(*out);
        if (step == PGRES_POLLING_FAILED) return refused(*out, err);
    }
    return PV_OK;
}

/* Takes every result of what was sent; the first error counts. */
static pv_status results(PGconn *conn, uint64_t deadline, pv_err *err)
{
    pv_status status = PV_OK;
    for (;;) {
        PGresult *result;
        while (PQisBusy(conn)) {
            pv_status st = wait_for(conn, POLLIN, deadline, err);
            if (st != PV_OK) return st;
            if (!PQconsumeInput(conn))
                return pv_fail(err, PV_EUNAVAILABLE, "PostgreSQL closed the connection");
        }
        if ((result = PQgetResult(conn)) == NULL) return status;
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && status == PV_OK) {
            const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
            status = status_of(state, state != NULL ? PV_EINVAL : PV_EUNAVAILABLE);
            if (text != NULL && strstr(text, "concurrently updated") != NULL)
                status = PV_EBUSY; /* catalogues have no state of their own for it */
            pv_fail(err, status, "PostgreSQL: %s (%s)", text != NULL ? text : "connection lost",
                    state != NULL ? state : "no state");
        }
        PQclear(result);
        if (PQstatus(conn) == CONNECTION_BAD) {
            return status != PV_OK
                       ? status
                       : pv_fail(err, PV_EUNAVAILABLE, "PostgreSQL closed the connection");
        }
    }
}

static pv_status query(PGconn *conn, const char *sql, uint64_t deadline, pv_err *err)
{
    if (!PQsendQuery(conn, sql))
        return pv_fail(err, PV_EUNAVAILABLE, "PostgreSQL closed the connection");
    return results(conn, deadline, err);
}

static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

static pv_status transaction(PGconn *conn, const char *const *statements, int count,
                             uint64_t deadline, pv_err *err)
{
    pv_status status = query(conn, "BEGIN", deadline, err);
    for (int i = 0; status == PV_OK && i < count; i++)
        status = query(conn, statements[i], deadline, err);
    if (status != PV_OK) return status;
    status = query(conn, "COMMIT", deadline, err);
    if (status == PV_EUNAVAILABLE || status == PV_ETIMEOUT)
        return pv_fail(err, PV_EIO,
                       "PostgreSQL: connection lost at COMMIT; it may have taken effect");
    return status;
}

/* Up to 10 ms before the second try, later longer; by chance, so that two do not meet again. */
static void pause_before(int attempt)
{
    uint64_t most = 10ULL << (attempt < 5 ? attempt : 5);
    uint64_t ms = 1 + uv_hrtime() / 1000 % (most < LONGEST_PAUSE_MS ? most : LONGEST_PAUSE_MS);
    struct timespec time = {0, (long)(ms * BY_MS)};
    nanosleep(&time, NULL);
}

pv_status pv_pg_exec(const pv_pg_options *options, const char *const *statements, int count,
                     pv_err *err)
{
    int ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
    uint64_t deadline = uv_hrtime() + (uint64_t)ms * BY_MS;
    PGconn *conn = NULL;
    pv_status status = connect_to(&conn, options, deadline, err);
    if (status == PV_OK) {
        PQsetNoticeReceiver(conn, ignore_notice, NULL);
        status = transaction(conn, statements, count, deadline, err);
    }
    for (int i = 0; status == PV_EBUSY && uv_hrtime() + LONGEST_PAUSE_MS * BY_MS < deadline; i++) {
        if (query(conn, "ROLLBACK", deadline, NULL) != PV_OK) break;
        pause_before(i);
        status = transaction(conn, statements, count, deadline, err);
    }
    PQfinish(conn); /* rolls back what was not committed */
    return status;
}
