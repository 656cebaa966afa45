/* TLS to servers that echo, end, break off, are no TLS, have another name, ask for certificates. */
#include "net_util.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdatomic.h>

#include "net/tls.h"

/* A self-made certificate for a name and its key, in files of the fixture. */
static void make_cert(const fixture *f, char cert[128], char key[128], const char *name)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_EXTENSION *extension;
    FILE *file;
    char alternative[64];
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_set_version(x, 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 36000);
    X509_set_pubkey(x, pkey);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    snprintf(alternative, sizeof alternative, "%s:%s", name[0] == '1' ? "IP" : "DNS", name);
    extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
    snprintf(cert, 128, "%s/%s.crt", f->dir, name);
    snprintf(key, 128, "%s/%s.key", f->dir, name);
    assert_non_null(file = fopen(cert, "w"));
    assert_int_equal(PEM_write_X509(file, x), 1);
    fclose(file);
    assert_non_null(file = fopen(key, "w"));
    assert_int_equal(PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(pkey);
}

enum { BIG = 3 << 20 };

/* A blocking server of one connection on a thread of its own: reads `expect` bytes, sends them
 * back, and ends the stream, or cuts the connection. */
typedef struct server {
    uv_thread_t thread;
    const char *cert, *key, *client_ca; /* client_ca: whoever has no such certificate is refused */
    int listening, port;
    size_t expect;
    int cut;
    atomic_int accepted;
} server;

static void serve(SSL *ssl, const server *s)
{
    static char bytes[BIG];
    size_t have = 0, n;
    while (have < s->expect && SSL_read_ex(ssl, bytes + have, s->expect - have, &n) == 1) have += n;
    for (size_t sent = 0; sent < have; sent += n)
        if (SSL_write_ex(ssl, bytes + sent, have - sent, &n) != 1) return;
    if (!s->cut) {
        char rest;
        SSL_shutdown(ssl);
        SSL_read_ex(ssl, &rest, 1, &n);
    }
}

static void run_server(void *arg)
{
    server *s = arg;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL *ssl;
    int fd = accept(s->listening, NULL, NULL);
    SSL_CTX_use_certificate_chain_file(ctx, s->cert);
    SSL_CTX_use_PrivateKey_file(ctx, s->key, SSL_FILETYPE_PEM);
    if (s->client_ca != NULL) {
        SSL_CTX_load_verify_locations(ctx, s->client_ca, NULL);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        s->accepted = 1;
        serve(ssl, s);
    } else {
        char rest[256];
        shutdown(fd, SHUT_WR); /* so that the alert arrives before the end */
        while (read(fd, rest, sizeof rest) > 0) continue;
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

static int listen_on(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    *port = ntohs(address.sin_port);
    return fd;
}

static void server_start(server *s)
{
    s->listening = listen_on(&s->port);
    uv_thread_create(&s->thread, run_server, s);
}

static void server_end(server *s)
{
    uv_thread_join(&s->thread);
    close(s->listening);
}

typedef struct outcome {
    int opened, written, done, ended;
    pv_err err;
    pv_buf got;
    pv_tls *tls;
} outcome;

static void on_open(void *arg, const pv_err *err)
{
    outcome *o = arg;
    o->opened++;
    if (err != NULL) o->err = *err;
}

static void on_written(void *arg, const pv_err *err)
{
    outcome *o = arg;
    o->written++;
    if (err != NULL) o->err = *err;
}

static void on_bytes(void *arg, pv_bytes bytes, const pv_err *err)
{
    outcome *o = arg;
    pv_err e;
    if (err != NULL) {
        o->err = *err;
        o->done++;
    } else if (bytes.len == 0) {
        o->ended = 1;
        o->done++;
    } else {
        pv_buf_add(&o->got, bytes.data, bytes.len);
        assert_int_equal(pv_tls_read(o->tls, on_bytes, o, &e), PV_OK);
    }
}

static void open_tls(fixture *f, const pv_tls_options *options, outcome *o)
{
    pv_err err = {0};
    *o = (outcome){0};
    if (pv_tls_connect(&o->tls, &f->loop, options, on_open, o, &err) != PV_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(o->opened, 0);
    run_until(&f->loop, &o->opened);
}

static pv_status fails(fixture *f, const pv_tls_options *options, const char *word)
{
    outcome o;
    open_tls(f, options, &o);
    assert_int_not_equal(o.err.status, PV_OK);
    if (strstr(o.err.msg, word) == NULL) fail_msg("'%s' does not say '%s'", o.err.msg, word);
    assert_int_equal(pv_tls_write(o.tls, (pv_bytes){"x", 1}, on_written, &o, NULL), o.err.status);
    pv_tls_close(o.tls);
    return o.err.status;
}

static void echoes(void **state)
{
    fixture *f = *state;
    char cert[128], key[128], *text = malloc(BIG);
    pv_err err;
    outcome o;
    make_cert(f, cert, key, "localhost");
    for (size_t i = 0; i < BIG; i++) text[i] = (char)(i * 7 >> 3);
    for (int round = 0; round < 3; round++) {
        server s = {.cert = cert, .key = key, .expect = round == 0 ? 5 : BIG, .cut = round == 2};
        pv_tls_options options = {.tcp = {.host = "localhost"}, .ca = cert, .tls13 = round == 1};
        server_start(&s);
        options.tcp.port = s.port;
        open_tls(f, &options, &o);
        assert_int_equal(o.err.status, PV_OK);
        assert_int_equal(pv_tls_read(o.tls, on_bytes, &o, &err), PV_OK);
        assert_int_equal(pv_tls_read(o.tls, on_bytes, &o, &err), PV_EBUSY);
        assert_int_equal(pv_tls_write(o.tls, (pv_bytes){text, s.expect}, on_written, &o, &err),
                         PV_OK);
        assert_int_equal(pv_tls_write(o.tls, (pv_bytes){text, 1}, on_written, &o, &err), PV_EBUSY);
        run_until(&f->loop, &o.done);
        assert_int_equal(o.written, 1);
        assert_int_equal(o.got.len, s.expect);
        assert_memory_equal(o.got.data, text, s.expect);
        assert_int_equal(o.ended, !s.cut);
        if (s.cut) assert_int_equal(o.err.status, PV_EUNAVAILABLE);
        pv_tls_close(o.tls);
        pv_buf_deinit(&o.got);
        server_end(&s);
    }
    free(text);
}

static void verifies(void **state)
{
    fixture *f = *state;
    char cert[128], key[128], other[128], other_key[128], address[128], address_key[128];
    make_cert(f, cert, key, "localhost");
    make_cert(f, other, other_key, "other");
    make_cert(f, address, address_key, "127.0.0.1");
    const struct {
        const char *cert, *key, *host, *name, *ca;
        int no_verify;
        const char *word; /* of the error; NULL: it is fine */
    } cases[] = {
        {cert, key, "localhost", NULL, cert, 0, NULL},
        {cert, key, "127.0.0.1", NULL, cert, 0, "IP address mismatch"},
        {cert, key, "127.0.0.1", "localhost", cert, 0, NULL},
        {cert, key, "localhost", "other", cert, 0, "ostname mismatch"},
        {cert, key, "localhost", NULL, other, 0, "self-signed"},
        {cert, key, "localhost", NULL, NULL, 0, "self-signed"},
        {cert, key, "127.0.0.1", NULL, NULL, 1, NULL},
        {address, address_key, "127.0.0.1", NULL, address, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server s = {.cert = cases[i].cert, .key = cases[i].key};
        pv_tls_options options = {.tcp = {.host = cases[i].host},
                                  .server_name = cases[i].name,
                                  .ca = cases[i].ca,
                                  .no_verify = cases[i].no_verify};
        server_start(&s);
        options.tcp.port = s.port;
        if (cases[i].word != NULL) {
            assert_int_equal(fails(f, &options, cases[i].word), PV_EAUTH);
        } else {
            outcome o;
            open_tls(f, &options, &o);
            if (o.err.status != PV_OK) fail_msg("case %zu: %s", i, o.err.msg);
            pv_tls_close(o.tls);
        }
        uv_run(&f->loop, UV_RUN_DEFAULT);
        server_end(&s);
    }
}

static void shows_a_certificate(void **state)
{
    fixture *f = *state;
    char cert[128], key[128], mine[128], mine_key[128];
    make_cert(f, cert, key, "localhost");
    make_cert(f, mine, mine_key, "client");
    for (int with = 0; with < 2; with++) {
        server s = {.cert = cert, .key = key, .client_ca = mine, .expect = 1};
        pv_tls_options options = {.tcp = {.host = "localhost"}, .ca = cert};
        outcome o;
        pv_err err;
        if (with) {
            options.cert = mine;
            options.key = mine_key;
        }
        server_start(&s);
        options.tcp.port = s.port;
        open_tls(f, &options, &o);
        assert_int_equal(o.err.status, PV_OK); /* TLS 1.3: the refusal comes later */
        assert_int_equal(pv_tls_read(o.tls, on_bytes, &o, &err), PV_OK);
        assert_int_equal(pv_tls_write(o.tls, (pv_bytes){"x", 1}, on_written, &o, &err), PV_OK);
        run_until(&f->loop, &o.done);
        assert_int_equal(s.accepted, with);
        assert_int_equal(o.got.len, with);
        if (!with) assert_int_equal(o.err.status, PV_EAUTH);
        pv_tls_close(o.tls);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        pv_buf_deinit(&o.got);
        server_end(&s);
    }
}

static void refuses(void **state)
{
    fixture *f = *state;
    char cert[128], key[128], other[128], other_key[128];
    pv_tls_options o = {.tcp = {.host = "localhost", .port = 1}};
    pv_tls *tls;
    pv_err err;
    make_cert(f, cert, key, "localhost");
    make_cert(f, other, other_key, "other");
    assert_int_equal(fails(f, &o, "connect to localhost"), PV_EUNAVAILABLE);
    o.ca = "/nonexistent/ca";
    assert_int_equal(pv_tls_connect(&tls, &f->loop, &o, on_open, NULL, &err), PV_ENOTFOUND);
    o.ca = key;
    assert_int_equal(pv_tls_connect(&tls, &f->loop, &o, on_open, NULL, &err), PV_EAUTH);
    o.ca = NULL;
    o.cert = "/nonexistent/cert";
    assert_int_equal(pv_tls_connect(&tls, &f->loop, &o, on_open, NULL, &err), PV_ENOTFOUND);
    o.cert = cert;
    o.key = other_key;
    assert_int_equal(pv_tls_connect(&tls, &f->loop, &o, on_open, NULL, &err), PV_EAUTH);
    assert_non_null(strstr(err.msg, "key"));
    o = (pv_tls_options){.tcp = {.port = 1}};
    assert_int_equal(pv_tls_connect(&tls, &f->loop, &o, on_open, NULL, &err), PV_EINVAL);
    assert_null(tls);
    pv_tls_close(NULL);
}

/* A server that says nothing, and one that speaks something else. */
static void meets_no_tls(void **state)
{
    fixture *f = *state;
    int port, listening = listen_on(&port), fd;
    pv_tls_options options = {.tcp = {.host = "127.0.0.1", .timeout_ms = 200}};
    outcome o = {0};
    pv_err err;
    options.tcp.port = port;
    assert_int_equal(fails(f, &options, "no answer in time"), PV_ETIMEOUT);
    options.tcp.timeout_ms = 10000;
    assert_int_equal(pv_tls_connect(&o.tls, &f->loop, &options, on_open, &o, &err), PV_OK);
    assert_int_equal(pv_tls_read(o.tls, on_bytes, &o, &err), PV_ECLOSED);
    for (int i = 0; i < 50; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    close(accept(listening, NULL, NULL)); /* of the first */
    fd = accept(listening, NULL, NULL);
    assert_int_equal(send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL), 28);
    run_until(&f->loop, &o.opened);
    assert_int_equal(o.err.status, PV_EPROTO);
    pv_tls_close(o.tls);
    close(fd);
    /* Closed at each stage: what waits is told so, once. */
    for (int turns = 0; turns < 6; turns++) {
        o = (outcome){0};
        assert_int_equal(pv_tls_connect(&o.tls, &f->loop, &options, on_open, &o, &err), PV_OK);
        for (int i = 0; i < turns; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
        pv_tls_close(o.tls);
        assert_int_equal(o.opened, 0);
        run_until(&f->loop, &o.opened);
        assert_int_equal(o.err.status, PV_ECANCELED);
        uv_run(&f->loop, UV_RUN_DEFAULT);
        assert_int_equal(o.opened, 1);
    }
    close(listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(echoes, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(verifies, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(shows_a_certificate, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(refuses, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(meets_no_tls, net_setup, net_teardown),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
