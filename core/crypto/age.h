/* age files, version 1 (C2SP age.md): the header with its stanzas, the recipients and identities
 * that are prov's own (X25519, scrypt, ssh-ed25519, ssh-rsa), the payload and the armor.  A file is
 *
 *     header = stanzas, each of which holds the file key for somebody, and a MAC over them
 *     payload = nonce, and chunks of 64 KiB sealed with a key made of file key and nonce
 *
 * Functions may be called from any thread, an object from one at a time. */
#ifndef PV_CRYPTO_AGE_H
#define PV_CRYPTO_AGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/status.h"

enum {
    PV_AGE_KEY_LEN = 16, /* of a file key */
    PV_AGE_NONCE_LEN = 16,
    PV_AGE_CHUNK = 64 * 1024,
    PV_AGE_HEADER_MAX = 4 * 1024 * 1024,
    PV_AGE_LOG_N = 18,     /* of scrypt, when prov encrypts */
    PV_AGE_LOG_N_MAX = 22, /* and what it works for when it decrypts: 4 GiB */
};

/* ---- Header ---- */

typedef struct pv_age_stanza {
    char **args; /* at least one, the type */
    size_t count;
    pv_buf body;
} pv_age_stanza;

typedef struct pv_age_header {
    pv_age_stanza *stanzas;
    size_t count;
    pv_buf text; /* what the MAC is over: all up to "---" */
    unsigned char mac[32];
} pv_age_header;

/* Reads a header from the beginning of bytes.  *used is its length, after which the payload begins;
 * 0 when bytes end before the header does, which is no failure unless last.  Free with
 * pv_age_header_deinit() whatever it returns.  PV_EINVAL: not an age file, or not version 1. */
pv_status pv_age_header_read(pv_age_header *header, pv_bytes bytes, bool last, size_t *used,
                             pv_err *err);

/* Adds a stanza of count arguments, its type first.  PV_EINVAL: an argument is empty or has white
 * space. */
pv_status pv_age_header_add(pv_age_header *header, const char *const *args, size_t count,
                            pv_bytes body, pv_err *err);

/* Appends the header with its MAC.  PV_EINVAL: it has no stanza. */
pv_status pv_age_header_write(const pv_age_header *header, const pv_secret *file_key, pv_buf *out,
                              pv_err *err);

/* PV_EAUTH when the header was not written with this file key. */
pv_status pv_age_header_check(const pv_age_header *header, const pv_secret *file_key, pv_err *err);

/* NULL and {0} are fine. */
void pv_age_header_deinit(pv_age_header *header);

/* ---- Recipients and identities ---- */

typedef enum { PV_AGE_X25519, PV_AGE_SCRYPT, PV_AGE_SSH_ED25519, PV_AGE_SSH_RSA } pv_age_type;

/* Somebody to encrypt to, or who decrypts. */
typedef struct pv_age_key pv_age_key;

/* Makes an identity of X25519.  Free with pv_age_key_free(), here and below. */
pv_status pv_age_keygen(pv_age_key **out, pv_err *err);

/* Reads "age1...", "ssh-ed25519 ..." or "ssh-rsa ...".  PV_EINVAL: no recipient; PV_EUNSUPPORTED:
 * one of a plugin, or of a type that prov does not know. */
pv_status pv_age_recipient(pv_age_key **out, pv_bytes text, pv_err *err);

/* Reads "AGE-SECRET-KEY-1...", or the private key of SSH in PEM, with its passphrase when it has
 * one (else empty; with one, call it on a worker).  Statuses as above, and PV_EAUTH: the passphrase
 * is missing or wrong. */
pv_status pv_age_identity(pv_age_key **out, pv_bytes text, pv_bytes passphrase, pv_err *err);

/* The recipient of a private key of SSH in PEM, which may have a passphrase that is not known.
 * PV_EINVAL: its form does not show it; PV_EUNSUPPORTED: of another type. */
pv_status pv_age_recipient_of(pv_age_key **out, pv_bytes pem, pv_err *err);

/* A passphrase, as both; log_n is what pv_age_wrap works with (0: PV_AGE_LOG_N). */
pv_status pv_age_passphrase(pv_age_key **out, pv_bytes passphrase, unsigned log_n, pv_err *err);

pv_age_type pv_age_key_type(const pv_age_key *key);

/* Appends the recipient, "age1..." or "ssh-...".  PV_EINVAL: it is a passphrase. */
pv_status pv_age_public(const pv_age_key *key, pv_buf *out, pv_err *err);

/* Gives "AGE-SECRET-KEY-1...", to be freed by the caller.  PV_EINVAL: not an identity of X25519. */
pv_status pv_age_secret(const pv_age_key *key, pv_secret **out, pv_err *err);

/* Adds the stanza that holds the file key for a recipient. */
pv_status pv_age_wrap(const pv_age_key *key, const pv_secret *file_key, pv_age_header *header,
                      pv_err *err);

/* Finds the file key, to be freed by the caller, and checks the MAC.  PV_ENOTFOUND: no stanza is
 * for this identity; PV_EAUTH: the MAC is wrong; PV_EINVAL: a stanza of its type is malformed;
 * PV_ELIMIT: its passphrase would take more than PV_AGE_LOG_N_MAX. */
pv_status pv_age_unwrap(const pv_age_key *key, const pv_age_header *header, pv_secret **file_key,
                        pv_err *err);

/* NULL is fine; wipes. */
void pv_age_key_free(pv_age_key *key);

/* ---- Payload ---- */

typedef struct pv_age_stream pv_age_stream;

/* Begins to seal: appends a nonce to out.  Free with pv_age_stream_free(). */
pv_status pv_age_sealing(pv_age_stream **out, const pv_secret *file_key, pv_buf *to, pv_err *err);

/* Begins to open what follows the header. */
pv_status pv_age_opening(pv_age_stream **out, const pv_secret *file_key, pv_err *err);

/* Takes bytes of any number, and appends what is ready.  last says that no more come.  What an
 * opening stream appends is genuine, but cut off until the last call returned PV_OK. PV_ECORRUPT:
 * bytes were changed, are missing or too many. */
pv_status pv_age_feed(pv_age_stream *stream, pv_bytes bytes, bool last, pv_buf *to, pv_err *err);

/* NULL is fine; wipes. */
void pv_age_stream_free(pv_age_stream *stream);

/* Seals or opens all of file in, from where it stands, to file out, by several threads.  *done is
 * how many bytes were written, also on failure.  PV_ECORRUPT as above, PV_EIO. */
pv_status pv_age_pump(bool sealing, const pv_secret *file_key, pv_bytes before, int in, int out,
                      unsigned long long *done, pv_err *err);

/* ---- Armor ---- */

/* The text form: strict PEM of "AGE ENCRYPTED FILE" with lines of 64. */
typedef struct pv_age_armor pv_age_armor;

pv_status pv_age_armor_new(pv_age_armor **out, bool writing);

/* Takes bytes of any number, and appends text (writing) or bytes.  PV_EINVAL: not armor. */
pv_status pv_age_armor_feed(pv_age_armor *armor, pv_bytes bytes, bool last, pv_buf *to,
                            pv_err *err);

/* Whether a file that begins so is armored, with white space before it. */
bool pv_age_is_armor(pv_bytes beginning);

void pv_age_armor_free(pv_age_armor *armor);

#endif
