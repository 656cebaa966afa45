/* OpenSSH's known_hosts files: names, patterns, hashed names, @revoked. Lines with
 * @cert-authority are skipped (host certificates are not supported). */
#ifndef PV_NET_KNOWNHOSTS_H
#define PV_NET_KNOWNHOSTS_H

#include "base/buf.h"
#include "base/status.h"

typedef enum {
    PV_HOST_KNOWN,
    PV_HOST_UNKNOWN, /* no line names the host */
    PV_HOST_CHANGED, /* lines name it, with other keys */
    PV_HOST_REVOKED,
} pv_host_verdict;

typedef struct pv_knownhost {
    pv_host_verdict verdict;
    int line; /* that decided, from 1; 0 for unknown */
} pv_knownhost;

/* Looks the key (type "ssh-ed25519", base64 blob) of host and port up.  A missing file is
 * an empty one.  PV_EIO, PV_EDENIED: cannot read it; PV_ELIMIT: larger than 16 MiB. */
pv_status pv_knownhosts_find(pv_knownhost *out, const char *path, const char *host, int port,
                             const char *type, const char *base64, pv_err *err);

/* Appends the signature algorithms, comma separated, that fit the keys known for the host;
 * nothing when it is unknown. */
pv_status pv_knownhosts_types(pv_buf *out, const char *path, const char *host, int port,
                              pv_err *err);

/* Appends a line for the host, making the file (0600) when it is missing. */
pv_status pv_knownhosts_add(const char *path, const char *host, int port, const char *type,
                            const char *base64, pv_err *err);

#endif
