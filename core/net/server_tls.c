/* TLS between memory and memory: OpenSSL never sees a socket. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/server_internal.h"

struct server_tls {
    SSL_CTX *ctx;
};

struct server_session {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
};

/* Never asks at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static int choose_http1(SSL *ssl, const unsigned char **out, unsigned char *len,
                        const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl, (void)arg;
    if (SSL_select_next_proto(&chosen, len, ours, sizeof ours - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
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

pv_status server_tls_new(server_tls **out, const char *cert, const char *key, pv_err *err)
{
    server_tls *tls = pv_alloc(sizeof *tls);
    pv_status status = PV_OK;
    *out = NULL;
    ERR_clear_error();
    tls->ctx = SSL_CTX_new(TLS_server_method());
    if (tls->ctx == NULL) {
        status = pv_fail(err, PV_EUNSUPPORTED, "OpenSSL cannot be used");
    } else {
        SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
        SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                          SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_mode(tls->ctx, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF); /* tickets do it */
        SSL_CTX_set_default_passwd_cb(tls->ctx, no_passphrase);
        SSL_CTX_set_alpn_select_cb(tls->ctx, choose_http1, NULL);
        if (SSL_CTX_use_certificate_chain_file(tls->ctx, cert) != 1)
            status = refuse_file("certificate", cert, err);
        else if (SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) != 1 ||
                 SSL_CTX_check_private_key(tls->ctx) != 1)
            status = refuse_file("key", key, err);
    }
    ERR_clear_error();
    if (status == PV_OK) *out = tls;
    else server_tls_free(tls);
    return status;
}

void server_tls_free(server_tls *tls)
{
    if (tls == NULL) return;
    SSL_CTX_free(tls->ctx);
    pv_free(tls);
}

server_session *server_session_new(server_tls *tls)
{
    server_session *s = pv_alloc(sizeof *s);
    s->ssl = SSL_new(tls->ctx);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    if (s->ssl == NULL || s->in == NULL || s->out == NULL) abort(); /* no memory */
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_accept_state(s->ssl);
    return s;
}

void server_session_free(server_session *s)
{
    if (s == NULL) return;
    SSL_free(s->ssl);
    pv_free(s);
}

int server_session_read(server_conn *conn, pv_bytes bytes)
{
    server_session *s = conn->session;
    char *plain = conn->server->plain_buffer;
    int n = 0, error;
    ERR_clear_error();
    if (BIO_write(s->in, bytes.data, (int)bytes.len) != (int)bytes.len) return -1;
    while (conn->state != CONN_GONE && (n = SSL_read(s->ssl, plain, SERVER_READ_SIZE)) > 0) {
        server_conn_feed(conn, (pv_bytes){plain, (size_t)n});
        ERR_clear_error();
    }
    if (conn->state == CONN_GONE) return 0;
    error = SSL_get_error(s->ssl, n);
    if (error == SSL_ERROR_ZERO_RETURN) conn->eof = 1;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

int server_session_write(server_conn *conn)
{
    server_session *s = conn->session;
    char *data;
    long len;
    ERR_clear_error();
    if (conn->out.len > 0) {
        int n = SSL_write(s->ssl, conn->out.data, (int)conn->out.len); /* all: memory takes it */
        if (n != (int)conn->out.len) return -1;
        pv_buf_reset(&conn->out);
    }
    len = BIO_get_mem_data(s->out, &data);
    if (len > 0) {
        pv_buf_add(&conn->raw, data, (size_t)len);
        (void)BIO_reset(s->out);
    }
    return 0;
}

void server_session_goodbye(server_conn *conn)
{
    ERR_clear_error();
    SSL_shutdown(conn->session->ssl);
}
