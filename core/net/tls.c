#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/handle.h"

enum { READ_SIZE = 16384, ALERT_OFFSET = 1000 /* of alerts among OpenSSL's reasons */ };

typedef enum { CONNECTING, HANDSHAKE, OPEN, BROKEN } tls_state;

struct pv_tls {
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t timer; /* the deadline of the handshake, later what makes a turn of its own */
    pv_tcp *tcp;      /* while connecting */
    SSL_CTX *ctx;
    SSL *ssl;
    char *host;
    int port, fd, handles;
    int closing;
    tls_state state;
    int want; /* events of the socket that something waits for */
    uint64_t deadline;
    pv_buf out;
    pv_tls_cb open_cb, write_cb;
    pv_tls_read_cb read_cb;
    void *open_arg, *write_arg, *read_arg;
    pv_err err; /* why it broke */
};

static void progress(pv_tls *tls);

static void free_tls(pv_tls *tls)
{
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->ctx);
    if (tls->fd >= 0) close(tls->fd);
    pv_buf_wipe(&tls->out);
    pv_free(tls->host);
    pv_free(tls);
}

/* Tells everything that waits why it does so in vain. */
static void refuse_waiting(pv_tls *tls)
{
    pv_tls_cb open_cb = tls->open_cb, write_cb = tls->write_cb;
    pv_tls_read_cb read_cb = tls->read_cb;
    pv_err err = tls->err; /* a callback may close */
    void *open_arg = tls->open_arg, *write_arg = tls->write_arg, *read_arg = tls->read_arg;
    tls->open_cb = tls->write_cb = NULL;
    tls->read_cb = NULL;
    if (open_cb != NULL) open_cb(open_arg, &err);
    if (write_cb != NULL) write_cb(write_arg, &err);
    if (read_cb != NULL) read_cb(read_arg, (pv_bytes){NULL, 0}, &err);
}

static void closed(pv_tls *tls)
{
    if (--tls->handles > 0) return;
    pv_fail(&tls->err, PV_ECANCELED, "%s port %d: canceled", tls->host, tls->port);
    refuse_waiting(tls);
    free_tls(tls);
}

static void on_poll_closed(uv_handle_t *handle)
{
    closed(PV_OWNER(handle, pv_tls, poll));
}

static void on_timer_closed(uv_handle_t *handle)
{
    closed(PV_OWNER(handle, pv_tls, timer));
}

static void broken(pv_tls *tls)
{
    tls->state = BROKEN;
    if (tls->fd >= 0) uv_poll_stop(&tls->poll);
    uv_timer_stop(&tls->timer);
    refuse_waiting(tls);
}

/* Certificates are what alerts 41 to 49 and 116 of TLS are about. */
static int is_about_certificates(int reason)
{
    int alert = reason - ALERT_OFFSET;
    return (alert >= 41 && alert <= 49) || alert == 116 ||
           reason == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

/* What OpenSSL's last failure means. */
static void explain(pv_tls *tls, int rc)
{
    int error = SSL_get_error(tls->ssl, rc);
    unsigned long code = ERR_peek_error();
    long verdict = SSL_get_verify_result(tls->ssl);
    int reason = ERR_GET_REASON(code);
    if (error == SSL_ERROR_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
        pv_fail(&tls->err, PV_EAUTH, "certificate of %s port %d: %s", tls->host, tls->port,
                X509_verify_cert_error_string(verdict));
    else if (error == SSL_ERROR_SSL && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        pv_fail(&tls->err, is_about_certificates(reason) ? PV_EAUTH : PV_EPROTO,
                "TLS with %s port %d: %s", tls->host, tls->port, ERR_reason_error_string(code));
    else
        pv_fail(&tls->err, PV_EUNAVAILABLE, "%s port %d: the connection was cut", tls->host,
                tls->port);
    ERR_clear_error();
}

/* Whether a call of OpenSSL only has to wait for the socket; else the connection is broken. */
static int waits(pv_tls *tls, int rc)
{
    int error = SSL_get_error(tls->ssl, rc);
    if (error == SSL_ERROR_WANT_READ) tls->want |= UV_READABLE;
    else if (error == SSL_ERROR_WANT_WRITE) tls->want |= UV_WRITABLE;
    else {
        explain(tls, rc);
        broken(tls);
        return 0;
    }
    return 1;
}

static void handshake(pv_tls *tls)
{
    pv_tls_cb cb = tls->open_cb;
    int rc = SSL_connect(tls->ssl);
    if (rc != 1) {
        waits(tls, rc);
        return;
    }
    tls->state = OPEN;
    tls->open_cb = NULL;
    uv_timer_stop(&tls->timer);
    cb(tls->open_arg, NULL);
}

static void send_waiting(pv_tls *tls)
{
    pv_tls_cb cb = tls->write_cb;
    while (tls->out.len > 0) {
        size_t sent;
        int rc = SSL_write_ex(tls->ssl, tls->out.data, tls->out.len, &sent);
        if (rc != 1) {
            waits(tls, rc);
            return;
        }
        pv_buf_consume(&tls->out, sent);
    }
    tls->write_cb = NULL;
    cb(tls->write_arg, NULL);
}

static void receive(pv_tls *tls)
{
    pv_tls_read_cb cb = tls->read_cb;
    char bytes[READ_SIZE];
    size_t got = 0;
    int rc = SSL_read_ex(tls->ssl, bytes, sizeof bytes, &got);
    if (rc != 1 && SSL_get_error(tls->ssl, rc) != SSL_ERROR_ZERO_RETURN) {
        waits(tls, rc);
        return;
    }
    tls->read_cb = NULL;
    cb(tls->read_arg, (pv_bytes){bytes, got}, NULL);
    OPENSSL_cleanse(bytes, got);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events; /* OpenSSL meets what is wrong with the socket */
    progress(PV_OWNER(poll, pv_tls, poll));
}

/* Does what can be done, and waits for what cannot.  Callbacks may close the connection, or
 * begin something new, for which a turn of its own is coming. */
static void progress(pv_tls *tls)
{
    tls->want = 0;
    ERR_clear_error();
    if (tls->state == HANDSHAKE) handshake(tls);
    else {
        if (tls->state == OPEN && !tls->closing && tls->write_cb != NULL) send_waiting(tls);
        ERR_clear_error();
        if (tls->state == OPEN && !tls->closing && tls->read_cb != NULL) receive(tls);
    }
    if (tls->closing || tls->state == BROKEN) return;
    if (tls->want != 0) uv_poll_start(&tls->poll, tls->want, on_event);
    else uv_poll_stop(&tls->poll);
}

static void on_turn(uv_timer_t *timer)
{
    progress(PV_OWNER(timer, pv_tls, timer));
}

static void on_deadline(uv_timer_t *timer)
{
    pv_tls *tls = PV_OWNER(timer, pv_tls, timer);
    pv_fail(&tls->err, PV_ETIMEOUT, "TLS with %s port %d: no answer in time", tls->host, tls->port);
    broken(tls);
}

static void on_tcp(void *arg, int fd, const pv_err *why)
{
    pv_tls *tls = arg;
    uint64_t now = uv_now(tls->loop);
    tls->tcp = NULL;
    tls->fd = fd;
    if (tls->closing) {
        closed(tls);
        return;
    }
    if (why != NULL) {
        tls->err = *why;
        broken(tls);
        return;
    }
    uv_poll_init(tls->loop, &tls->poll, fd);
    tls->handles++;
    SSL_set_fd(tls->ssl, fd);
    tls->state = HANDSHAKE;
    uv_timer_start(&tls->timer, on_deadline, tls->deadline > now ? tls->deadline - now : 0, 0);
    progress(tls);
}

static pv_status refuse_file(const char *what, const char *path, pv_err *err)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (access(path, R_OK) != 0)
        return pv_fail(err, PV_ENOTFOUND, "%s '%s' cannot be read", what, path);
    return pv_fail(err, PV_EAUTH, "%s '%s': %s", what, path,
                   reason != NULL ? reason : "not understood");
}

/* Never asks at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static pv_status trust_text(SSL_CTX *ctx, const char *pem, pv_err *err)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert;
    int count = 0;
    while ((cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        count += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
        X509_free(cert);
    }
    BIO_free(bio);
    return count > 0 ? PV_OK
                     : pv_fail(err, PV_EAUTH, "the text of certificates to trust has none in PEM");
}

static pv_status load_files(SSL_CTX *ctx, const pv_tls_options *o, pv_err *err)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (o->ca_text != NULL) {
        pv_status status = trust_text(ctx, o->ca_text, err);
        if (status != PV_OK) return status;
    } else if (o->ca == NULL) SSL_CTX_set_default_verify_paths(ctx);
    else if (SSL_CTX_load_verify_locations(ctx, o->ca, NULL) != 1)
        return refuse_file("certificates", o->ca, err);
    if (o->cert == NULL) return PV_OK;
    if (SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1)
        return refuse_file("certificate", o->cert, err);
    if (SSL_CTX_use_PrivateKey_file(ctx, o->key != NULL ? o->key : o->cert, SSL_FILETYPE_PEM) !=
            1 ||
        SSL_CTX_check_private_key(ctx) != 1)
        return refuse_file("key", o->key != NULL ? o->key : o->cert, err);
    return PV_OK;
}

/* Whom the certificate must name, and the server is told. */
static int expect_name(SSL *ssl, const char *name)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1) return 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static pv_status prepare(pv_tls *tls, const pv_tls_options *o, pv_err *err)
{
    const char *name = o->server_name != NULL ? o->server_name : o->tcp.host;
    pv_status status;
    if (name == NULL) return pv_fail(err, PV_EINVAL, "host is empty");
    tls->ctx = SSL_CTX_new(TLS_client_method());
    if (tls->ctx == NULL) return pv_fail(err, PV_EUNSUPPORTED, "OpenSSL cannot be used");
    SSL_CTX_set_min_proto_version(tls->ctx, o->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(tls->ctx, o->no_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    status = load_files(tls->ctx, o, err);
    ERR_clear_error();
    if (status != PV_OK) return status;
    tls->ssl = SSL_new(tls->ctx);
    if (tls->ssl == NULL || !expect_name(tls->ssl, name))
        return pv_fail(err, PV_EINVAL, "'%s' is no name of a server", name);
    return PV_OK;
}

pv_status pv_tls_connect(pv_tls **out, uv_loop_t *loop, const pv_tls_options *options, pv_tls_cb cb,
                         void *arg, pv_err *err)
{
    pv_tls *tls = pv_alloc(sizeof *tls);
    pv_status status;
    *out = NULL;
    tls->loop = loop;
    tls->fd = -1;
    tls->open_cb = cb;
    tls->open_arg = arg;
    status = prepare(tls, options, err);
    if (status == PV_OK) status = pv_tcp_connect(&tls->tcp, loop, &options->tcp, on_tcp, tls, err);
    if (status != PV_OK) {
        free_tls(tls);
        return status;
    }
    tls->host = pv_strdup(options->tcp.host);
    tls->port = options->tcp.port;
    tls->deadline =
        uv_now(loop) + (uint64_t)(options->tcp.timeout_ms > 0 ? options->tcp.timeout_ms : 30000);
    uv_timer_init(loop, &tls->timer);
    tls->handles = 1;
    *out = tls;
    return PV_OK;
}

static pv_status check_open(const pv_tls *tls, int waiting, const char *what, pv_err *err)
{
    if (tls->state == BROKEN) return pv_fail(err, tls->err.status, "%s", tls->err.msg);
    if (tls->state != OPEN || tls->closing)
        return pv_fail(err, PV_ECLOSED, "%s port %d: not connected", tls->host, tls->port);
    if (waiting)
        return pv_fail(err, PV_EBUSY, "%s port %d: a %s waits already", tls->host, tls->port, what);
    return PV_OK;
}

pv_status pv_tls_read(pv_tls *tls, pv_tls_read_cb cb, void *arg, pv_err *err)
{
    pv_status status = check_open(tls, tls->read_cb != NULL, "read", err);
    if (status != PV_OK) return status;
    tls->read_cb = cb;
    tls->read_arg = arg;
    uv_timer_start(&tls->timer, on_turn, 0, 0);
    return PV_OK;
}

pv_status pv_tls_write(pv_tls *tls, pv_bytes bytes, pv_tls_cb cb, void *arg, pv_err *err)
{
    pv_status status = check_open(tls, tls->write_cb != NULL, "write", err);
    if (status != PV_OK) return status;
    pv_buf_add(&tls->out, bytes.data, bytes.len);
    tls->write_cb = cb;
    tls->write_arg = arg;
    uv_timer_start(&tls->timer, on_turn, 0, 0);
    return PV_OK;
}

void pv_tls_close(pv_tls *tls)
{
    if (tls == NULL || tls->closing) return;
    tls->closing = 1;
    if (tls->state == OPEN) {
        ERR_clear_error();
        SSL_shutdown(tls->ssl); /* says good-bye, and does not wait for one */
        ERR_clear_error();
    }
    if (tls->tcp != NULL) {
        tls->handles++; /* on_tcp counts it down */
        pv_tcp_cancel(tls->tcp);
    } else if (tls->fd >= 0) {
        uv_close((uv_handle_t *)&tls->poll, on_poll_closed);
    }
    uv_close((uv_handle_t *)&tls->timer, on_timer_closed);
}
