#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/http_internal.h"
#include "net/netns.h"

enum {
    KEEP_MAX = 64 << 20,
    HEADERS_MAX = 256 << 10,
    DEFAULT_TIMEOUT_MS = 60000,
    CONNECT_MS = 15000
};

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    pv_http_req *req = arg;
    size_t len = size * count;
    req->total += len;
    if (req->total > req->max_body || pv_buf_add(&req->body, data, len) != PV_OK) {
        req->overflow = 1;
        return 0;
    }
    return len;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    pv_http_req *req = arg;
    size_t len = size * count;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) { /* a new response: after a redirect, or 100 */
        pv_buf_reset(&req->headers);
        return len;
    }
    if (pv_buf_add(&req->headers, data, len) != PV_OK) {
        req->overflow = 1;
        return 0;
    }
    return len;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    pv_http_req *req = arg;
    int fd;
    (void)purpose;
    if (pv_netns_socket(&fd, req->netns, address->family, address->socktype & ~SOCK_NONBLOCK,
                        &req->netns_err) != PV_OK) {
        return CURL_SOCKET_BAD;
    }
    return fd;
}

/* The URL without user, query and fragment, for messages. */
static char *public_name(const char *method, CURLU *url)
{
    pv_buf text;
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
    pv_buf_init(&text, 4096);
    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(url, CURLUPART_HOST, &host, 0);
    curl_url_get(url, CURLUPART_PORT, &port, 0);
    curl_url_get(url, CURLUPART_PATH, &path, 0);
    pv_buf_addf(&text, "%s %s://%s%s%s", method, scheme != NULL ? scheme : "",
                host != NULL ? host : "", port != NULL ? ":" : "", port != NULL ? port : "");
    pv_buf_adds(&text, path != NULL ? path : "");
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    if (text.data == NULL) pv_buf_adds(&text, method);
    return text.data;
}

static int is_http(const char *url)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    int yes = curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return yes;
}

static pv_status check(const pv_http_options *o, pv_err *err)
{
    const char *method = o->method != NULL ? o->method : "GET";
    if (o->url == NULL) return pv_fail(err, PV_EINVAL, "http: url is missing");
    if (!is_http(o->url))
        return pv_fail(err, PV_EINVAL, "http: the URL is malformed or not http or https");
    if (method[0] == '\0' || strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(method)) {
        return pv_fail(err, PV_EINVAL, "http: a method is upper-case letters");
    }
    for (size_t i = 0; i < o->header_count; i++) {
        if (strpbrk(o->headers[i], "\r\n") != NULL || strchr(o->headers[i], ':') == NULL) {
            return pv_fail(err, PV_EINVAL, "http: header %zu is malformed", i + 1);
        }
    }
    return PV_OK;
}

static void set_method(pv_http_req *req, const pv_http_options *o)
{
    const char *method = o->method != NULL ? o->method : "GET";
    if (o->body.data != NULL) {
        pv_buf_add(&req->sent, o->body.data, o->body.len);
        curl_easy_setopt(req->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->sent.len);
        curl_easy_setopt(req->easy, CURLOPT_POSTFIELDS,
                         req->sent.data != NULL ? req->sent.data : "");
        curl_easy_setopt(req->easy, CURLOPT_CUSTOMREQUEST, method);
    } else if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(req->easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "GET") != 0) {
        curl_easy_setopt(req->easy, CURLOPT_CUSTOMREQUEST, method);
    }
}

static void set_headers(pv_http_req *req, const pv_http_options *o)
{
    req->list = curl_slist_append(NULL, "Expect:"); /* no round trip before a body */
    if (o->body.data != NULL)
        req->list = curl_slist_append(req->list, "Content-Type:"); /* no guess */
    for (size_t i = 0; i < o->header_count; i++) {
        const char *value = strchr(o->headers[i], ':') + 1;
        if (strncasecmp(o->headers[i], "content-type:", 13) == 0) { /* replaces the empty one */
            struct curl_slist *kept = NULL;
            for (struct curl_slist *l = req->list; l != NULL; l = l->next) {
                if (strcmp(l->data, "Content-Type:") != 0) kept = curl_slist_append(kept, l->data);
            }
            curl_slist_free_all(req->list);
            req->list = kept;
        }
        if (value[strspn(value, " \t")] == '\0') { /* curl spells an empty header "Name;" */
            char *copy = pv_strdup(o->headers[i]);
            copy[value - 1 - o->headers[i]] = ';';
            copy[value - o->headers[i]] = '\0';
            req->list = curl_slist_append(req->list, copy);
            pv_free(copy);
        } else {
            req->list = curl_slist_append(req->list, o->headers[i]);
        }
    }
    curl_easy_setopt(req->easy, CURLOPT_HTTPHEADER, req->list);
}

static void set_tls(CURL *easy, const pv_http_options *o)
{
    if (o->ca != NULL) curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca);
    if (o->cert != NULL) curl_easy_setopt(easy, CURLOPT_SSLCERT, o->cert);
    if (o->key != NULL) curl_easy_setopt(easy, CURLOPT_SSLKEY, o->key);
    if (o->no_verify) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void set_network(pv_http_req *req, const pv_http_options *o)
{
    CURL *easy = req->easy;
    if (o->socket != NULL) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, o->socket);
    if (o->no_proxy) curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (o->netns == NULL) return;
    req->netns = pv_strdup(o->netns);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, req);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* a proxy of this side is not there */
    /* The pool knows connections by host and port, which mean another machine there. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

static void set_options(pv_http_req *req, const pv_http_options *o)
{
    CURL *easy = req->easy;
    long timeout = o->timeout_ms > 0 ? o->timeout_ms : DEFAULT_TIMEOUT_MS;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, req);
    curl_easy_setopt(easy, CURLOPT_URL, o->url);
#if LIBCURL_VERSION_NUM >= 0x075500 /* 7.85 deprecates the numbers; Ubuntu 22.04 has 7.81 */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, req->why);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, req);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, req);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     timeout < CONNECT_MS ? timeout : (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, o->redirects > 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)o->redirects);
    if (!o->repeatable) curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    set_method(req, o);
    set_headers(req, o);
    set_tls(easy, o);
    set_network(req, o);
}

pv_status http_req_new(pv_http_req **out, const pv_http_options *options, pv_err *err)
{
    CURLU *url;
    pv_http_req *req;
    pv_status status = check(options, err);
    *out = NULL;
    if (status != PV_OK) return status;
    url = curl_url();
    curl_url_set(url, CURLUPART_URL, options->url, 0);
    req = pv_alloc(sizeof *req);
    req->easy = curl_easy_init();
    req->name = public_name(options->method != NULL ? options->method : "GET", url);
    req->max_body = options->max_body;
    if (req->max_body == 0) req->max_body = options->on_data != NULL ? SIZE_MAX : KEEP_MAX;
    pv_buf_init(&req->sent, 0);
    pv_buf_init(&req->headers, HEADERS_MAX);
    pv_buf_init(&req->body, 0);
    req->on_data = options->on_data;
    req->on_done = options->on_done;
    req->arg = options->arg;
    set_options(req, options);
    curl_url_cleanup(url);
    *out = req;
    return PV_OK;
}

void http_req_free(pv_http_req *req)
{
    curl_easy_cleanup(req->easy);
    curl_slist_free_all(req->list);
    pv_buf_wipe(&req->sent);
    pv_buf_deinit(&req->headers);
    pv_buf_deinit(&req->body);
    pv_free(req->name);
    pv_free(req->netns);
    pv_free(req);
}

static pv_status status_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK: return PV_OK;
    case CURLE_URL_MALFORMAT: return PV_EINVAL;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return PV_ENOTFOUND;
    case CURLE_OPERATION_TIMEDOUT: return PV_ETIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE: return PV_EAUTH;
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return PV_EUNAVAILABLE;
    default: return PV_EPROTO;
    }
}

void http_req_finish(pv_http_req *req, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(req->easy, CURLINFO_RESPONSE_CODE, &status);
    req->status = (int)status;
    req->ended = 1;
    if (req->netns_err.status != PV_OK) {
        pv_fail(&req->err, req->netns_err.status, "%s: %s", req->name, req->netns_err.msg);
    } else if (req->overflow) {
        pv_fail(&req->err, PV_ELIMIT, "%s: the answer is larger than %zu bytes", req->name,
                req->max_body);
    } else if (code != CURLE_OK) {
        pv_fail(&req->err, status_of(code), "%s: %s", req->name,
                req->why[0] != '\0' ? req->why : curl_easy_strerror(code));
    }
}
