/* Keys in the forms of SSH: the wire form (RFC 4253, 6.6; RFC 8709), the line of a public key, the
 * private key file (OpenSSH, PROTOCOL.key).  For Ed25519 and RSA. */
#ifndef PV_CRYPTO_SSHKEY_H
#define PV_CRYPTO_SSHKEY_H

#include "crypto/pkey.h"

/* Reads "ssh-ed25519 AAAA... comment" or "ssh-rsa ...".  Free with pv_pkey_free().  PV_EINVAL:
 * malformed; PV_EUNSUPPORTED: of another type. */
pv_status pv_sshkey_public(pv_pkey **out, pv_bytes line, pv_err *err);

/* Reads "-----BEGIN OPENSSH PRIVATE KEY-----", or another PEM that pv_pkey_parse takes, with its
 * passphrase when it has one (else empty).  That takes its time: call it on a worker.  PV_EAUTH:
 * the passphrase is missing or wrong; else as above. */
pv_status pv_sshkey_private(pv_pkey **out, pv_bytes pem, pv_bytes passphrase, pv_err *err);

/* The public half of "-----BEGIN OPENSSH PRIVATE KEY-----", which can be read without a passphrase.
 * PV_EINVAL: another PEM; else as above. */
pv_status pv_sshkey_public_of(pv_pkey **out, pv_bytes pem, pv_err *err);

/* Appends the public half in wire form.  PV_EUNSUPPORTED: of another type. */
pv_status pv_sshkey_wire(const pv_pkey *key, pv_buf *out, pv_err *err);

/* Appends "ssh-ed25519 AAAA...", without a comment. */
pv_status pv_sshkey_line(const pv_pkey *key, pv_buf *out, pv_err *err);

#endif
