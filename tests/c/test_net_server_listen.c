/* Where the server listens, TLS, and what curl says to it. */
#include "server_util.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <sys/stat.h>

static void fails(fixture *f, const pv_httpd_options *o, pv_status status, const char *part)
{
    pv_httpd *server;
    pv_err err;
    assert_int_equal(pv_httpd_listen(&server, &f->loop, o, answer, NULL, &err), status);
    assert_null(server);
    assert_says(&err, status, part);
}

static int dial_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(a.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void listens_on_a_unix_socket(void **state)
{
    fixture *f = *state;
    char path[128], file[128];
    pv_httpd_options o = {.path = path};
    const pv_request *r;
    struct stat st;
    site s;
    int fd;
    put_file(f, path, "socket", NULL);
    site_open(&s, f, &o);
    assert_int_equal(s.port, 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    fails(f, &o, PV_EBUSY, "in use");
    fd = dial_unix(path);
    say(&s, fd, "GET /hold HTTP/1.1\r\nHost: x\r\nX-Two: a\r\nx-two: b\r\n\r\n");
    while (s.held == NULL) turn(&s);
    r = pv_exchange_request(s.held);
    assert_string_equal(r->peer, "unix");
    assert_int_equal(r->peer_uid, getuid());
    assert_int_equal(r->peer_port, 0);
    assert_int_equal(pv_request_field(r, "X-TWO").len, 1);
    assert_memory_equal(pv_request_field(r, "X-TWO").data, "a", 1);
    assert_null(pv_request_field(r, "X-Three").data);
    reply(s.held, 200, "held");
    hear(&s, fd, "held");
    close(fd);
    site_close(&s);
    for (int i = 0; i < 10; i++) turn(&s);
    assert_int_equal(stat(path, &st), -1);
    fd = loopback(&s.port, -1);
    close(fd);
    put_file(f, file, "file", "not a socket");
    o.path = file;
    fails(f, &o, PV_EBUSY, "is no socket");
    o.path = "";
    fails(f, &o, PV_EINVAL, "no path of a socket");
    o.path = "/no/such/folder/socket";
    fails(f, &o, PV_ENOTFOUND, "/no/such/folder/socket");
}

static void replaces_a_dead_unix_socket(void **state)
{
    fixture *f = *state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char path[128];
    pv_httpd_options o = {.path = path};
    site s;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    put_file(f, path, "dead", NULL);
    memcpy(a.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fd);
    site_open(&s, f, &o);
    fd = dial_unix(path);
    say(&s, fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    hear(&s, fd, "hello");
    close(fd);
    site_close(&s);
}

static void takes_an_inherited_socket(void **state)
{
    pv_httpd_options o = {.use_fd = 1};
    site s;
    int port, fd, plain = loopback(&port, -1);
    o.fd = plain;
    fails(*state, &o, PV_EINVAL, "no listening socket");
    close(plain);
    o.fd = loopback(&port, 16);
    fcntl(o.fd, F_SETFL, 0); /* blocking, as systemd may hand it over */
    site_open(&s, *state, &o);
    assert_int_equal(s.port, port);
    fd = dial(&s);
    say(&s, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    while (s.held == NULL) turn(&s);
    assert_string_equal(pv_exchange_request(s.held)->peer, "127.0.0.1");
    assert_true(pv_exchange_request(s.held)->peer_port > 0);
    assert_int_equal(pv_exchange_request(s.held)->peer_uid, -1);
    reply(s.held, 200, "held");
    hear(&s, fd, "held");
    close(fd);
    site_close(&s);
}

static void refuses_what_it_cannot_listen_on(void **state)
{
    pv_httpd_options o = {.host = "no.such.name"};
    int port, fd = loopback(&port, 4);
    site s;
    fails(*state, &o, PV_EINVAL, "no address to listen on");
    o.host = "127.0.0.1";
    o.port = 65536;
    fails(*state, &o, PV_EINVAL, "port 65536");
    o.port = port;
    fails(*state, &o, PV_EBUSY, "in use");
    close(fd);
    o.port = 0;
    o.cert = "/none.pem";
    fails(*state, &o, PV_EINVAL, "needs its key");
    o.key = "/none.pem";
    fails(*state, &o, PV_ENOTFOUND, "/none.pem");
    o.key = o.cert = NULL;
    o.host = "localhost";
    site_open(&s, *state, &o);
    site_close(&s);
}

/* A self-made certificate for localhost and its key, in files of the fixture. */
static void make_cert(const fixture *f, char cert[128], char key[128], const char *name)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_EXTENSION *extension;
    FILE *file;
    char file_name[32];
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_set_version(x, 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 36000);
    X509_set_pubkey(x, pkey);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
    snprintf(file_name, sizeof file_name, "%s.crt", name);
    put_file(f, cert, file_name, "");
    snprintf(file_name, sizeof file_name, "%s.key", name);
    put_file(f, key, file_name, "");
    assert_non_null(file = fopen(cert, "w"));
    assert_int_equal(PEM_write_X509(file, x), 1);
    fclose(file);
    assert_non_null(file = fopen(key, "w"));
    assert_int_equal(PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(pkey);
}

/* A blocking TLS client on a thread of its own. */
typedef struct tls_client {
    uv_thread_t thread;
    int fd, version;
    const char *alpn;
    size_t body; /* how much to send */
    int connected, http1;
    char version_name[16];
    char got[4096];
    size_t received;
    atomic_int done;
} tls_client;

static void run_client(void *arg)
{
    tls_client *c = arg;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;
    const unsigned char *alpn;
    unsigned alpn_len;
    int n;
    SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ctx, c->version);
    ssl = SSL_new(ctx);
    if (c->alpn != NULL)
        SSL_set_alpn_protos(ssl, (const unsigned char *)c->alpn, (unsigned)strlen(c->alpn));
    SSL_set_fd(ssl, c->fd);
    c->connected = SSL_connect(ssl) == 1;
    if (c->connected) {
        char head[200], *body = calloc(1, c->body + 1), piece[4096];
        snprintf(c->version_name, sizeof c->version_name, "%s", SSL_get_version(ssl));
        SSL_get0_alpn_selected(ssl, &alpn, &alpn_len);
        c->http1 = alpn_len == 8 && memcmp(alpn, "http/1.1", 8) == 0;
        snprintf(
            head, sizeof head,
            "PUT /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
            c->body);
        SSL_write(ssl, head, (int)strlen(head));
        memset(body, 'b', c->body);
        if (c->body > 0) SSL_write(ssl, body, (int)c->body);
        while ((n = SSL_read(ssl, piece, sizeof piece)) > 0) {
            if (c->received == 0) memcpy(c->got, piece, (size_t)n < 4095 ? (size_t)n : 4095);
            c->received += (size_t)n;
        }
        c->done = SSL_get_error(ssl, n) == SSL_ERROR_ZERO_RETURN ? 1 : 2;
        SSL_shutdown(ssl);
        free(body);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (c->done == 0) c->done = 2;
}

static void talk_tls(site *s, tls_client *c)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)s->port);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(uv_thread_create(&c->thread, run_client, c), 0);
    while (c->done == 0) turn(s);
    uv_thread_join(&c->thread);
    close(c->fd);
}

static void speaks_tls_1_2_and_1_3_only(void **state)
{
    fixture *f = *state;
    char cert[128], key[128], other_cert[128], other_key[128];
    pv_httpd_options o = {.cert = cert, .key = key};
    tls_client new = {.version = TLS1_3_VERSION, .alpn = "\x02h2\x08http/1.1", .body = 300000};
    tls_client fine = {.version = TLS1_2_VERSION}, old = {.version = TLS1_1_VERSION};
    tls_client only_h2 = {.version = TLS1_3_VERSION, .alpn = "\x02h2"};
    site s;
    make_cert(f, cert, key, "one");
    make_cert(f, other_cert, other_key, "two");
    site_open(&s, f, &o);
    talk_tls(&s, &new);
    assert_true(new.connected &&new.http1);
    assert_string_equal(new.version_name, "TLSv1.3");
    assert_starts(new.got, "HTTP/1.1 200 OK\r\n");
    assert_true(new.received > 300000);
    assert_int_equal(new.done, 1); /* ended with close_notify */
    talk_tls(&s, &fine);
    assert_true(fine.connected);
    assert_string_equal(fine.version_name, "TLSv1.2");
    assert_starts(fine.got, "HTTP/1.1 200 OK\r\n");
    talk_tls(&s, &old);
    assert_false(old.connected);
    talk_tls(&s, &only_h2);
    assert_false(only_h2.connected);
    assert_int_equal(s.calls, 2);
    assert_null(strstr(ask(&s, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1"));
    site_close(&s);
    o.key = other_key;
    fails(f, &o, PV_EAUTH, "two.key");
    put_file(f, other_cert, "no.crt", "nonsense");
    o.cert = other_cert;
    fails(f, &o, PV_EAUTH, "no.crt");
}

static void closes_silent_tls_clients(void **state)
{
    fixture *f = *state;
    char cert[128], key[128];
    pv_httpd_options o = {.cert = cert, .key = key, .limits = {.head_ms = 100}};
    site s;
    int silent, half;
    make_cert(f, cert, key, "one");
    site_open(&s, f, &o);
    silent = dial(&s);
    half = dial(&s);
    say_bytes(&s, half, "\x16\x03\x01\x02\x00", 5);
    hear(&s, silent, NULL);
    hear(&s, half, NULL);
    close(silent), close(half);
    site_close(&s);
}

typedef struct child {
    uv_process_t process; /* first, for the callbacks */
    int ok, closed;
} child;

static void on_child_closed(uv_handle_t *handle)
{
    ((child *)(void *)handle)->closed = 1;
}

static void on_child_exit(uv_process_t *process, int64_t status, int signal)
{
    ((child *)(void *)process)->ok = status == 0 && signal == 0;
    uv_close((uv_handle_t *)process, on_child_closed);
}

/* Runs curl with the arguments; its output without the final line feed. */
static const char *curl(site *s, const char *args, const char *url)
{
    static char out[4096];
    child c = {0};
    char path[128], command[1024];
    char *argv[] = {"sh", "-c", command, NULL};
    uv_process_options_t o = {.file = "/bin/sh", .args = argv, .exit_cb = on_child_exit};
    FILE *file;
    size_t n;
    put_file(s->f, path, "out", "");
    snprintf(command, sizeof command, "exec curl -q -sS --noproxy '*' -m 20 %s %s >%s 2>&1", args,
             url, path);
    assert_int_equal(uv_spawn(&s->f->loop, &c.process, &o), 0);
    while (!c.closed) turn(s);
    assert_non_null(file = fopen(path, "r"));
    n = fread(out, 1, sizeof out - 1, file);
    fclose(file);
    out[n] = '\0';
    if (!c.ok) fail_msg("curl %s: %s", args, out);
    return out;
}

static void curl_agrees(void **state)
{
    fixture *f = *state;
    char cert[128], key[128], url[64], args[300], body[128];
    pv_httpd_options o = {.cert = cert, .key = key};
    site s;
    if (system("command -v curl >/dev/null") != 0) {
        print_message("SKIP: no curl to ask for its opinion\n");
        skip();
    }
    site_open(&s, f, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", s.port);
    snprintf(args, sizeof args, "-w '%%{http_code} %%{num_connects}' %s/hello", url);
    assert_string_equal(curl(&s, args, ""), "hello200 1");
    snprintf(args, sizeof args, "%s/hello %s/slow", url, url);
    assert_string_equal(curl(&s, args, ""), "helloslow");
    assert_has(curl(&s, "-I", url), "HTTP/1.1 404 Not Found");
    put_file(f, body, "body", "from a file");
    snprintf(args, sizeof args, "-T %s %s/echo", body, url);
    assert_string_equal(curl(&s, args, ""), "from a file");
    snprintf(args, sizeof args,
             "-H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue' -d @%s "
             "%s/echo",
             body, url);
    assert_string_equal(curl(&s, args, ""), "from a file");
    site_close(&s);
    make_cert(f, cert, key, "tls");
    site_open(&s, f, &o);
    snprintf(args, sizeof args,
             "-w ' %%{http_version} %%{ssl_verify_result}' --cacert %s "
             "--resolve localhost:%d:127.0.0.1 https://localhost:%d/hello",
             cert, s.port, s.port);
    assert_string_equal(curl(&s, args, ""), "hello 1.1 0");
    site_close(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)
    const struct CMUnitTest tests[] = {
        T(listens_on_a_unix_socket),
        T(replaces_a_dead_unix_socket),
        T(takes_an_inherited_socket),
        T(refuses_what_it_cannot_listen_on),
        T(speaks_tls_1_2_and_1_3_only),
        T(closes_silent_tls_clients),
        T(curl_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
