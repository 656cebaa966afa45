/* PostgreSQL by libpq: statements in one transaction on a connection of their own.  TLS, names
 * and several hosts are libpq's, by what the conninfo says (sslmode, sslrootcert ...). */
#ifndef PV_DB_PG_H
#define PV_DB_PG_H

#include "base/status.h"

typedef struct pv_pg_options {
    const char *conninfo; /* postgresql://host/db?sslmode=verify-full, or host=... dbname=... */
    const char *user;     /* instead of the one in conninfo; NULL: that one */
    const char *password; /* likewise */
    int timeout_ms;       /* for everything together; 0 means 30 s */
} pv_pg_options;

/* Connects, executes the statements in one transaction, and disconnects.  Either all took effect
 * or none.  A statement may be several, separated by semicolons; rows are thrown away.  May block
 * for timeout_ms: for worker threads.  No message holds a password or a statement.
 * A transaction that collides with another one is tried again until the time is over.
 * Statuses: PV_EINVAL (conninfo, SQL), PV_EUNAVAILABLE (no server), PV_ETIMEOUT, PV_EAUTH (login),
 * PV_EDENIED (privileges), PV_EEXIST, PV_ENOTFOUND (role or object), PV_ECONFLICT (others depend
 * on it, or are in the way), PV_EBUSY (collisions until the end), PV_EIO (the connection was lost
 * while it was committed: the outcome is not known). */
pv_status pv_pg_exec(const pv_pg_options *options, const char *const *statements, int count,
                     pv_err *err);

#endif
