/* Shared by http.c (the loop) and http_request.c (one request) only. */
#ifndef PV_NET_HTTP_INTERNAL_H
#define PV_NET_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "net/http.h"

struct pv_http {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    uv_idle_t kick; /* delivers, in the next turn, what ended outside of a loop callback */
    pv_http_req *requests;
    int closed;
    int refs; /* timer, kick, sockets, requests */
};

struct pv_http_req {
    pv_http *http;
    pv_http_req *prev, *next;
    CURL *easy;
    struct curl_slist *list;
    char *name; /* "GET https://host/path": no query, no user */
    char *netns;
    pv_buf sent; /* request body */
    pv_buf headers, body;
    size_t total, max_body;
    int overflow;
    int ended; /* on_done is due */
    int status;
    char why[CURL_ERROR_SIZE];
    pv_err netns_err;
    pv_err err; /* status PV_OK: it went well */
    pv_http_data_cb on_data;
    pv_http_done_cb on_done;
    void *arg;
};

/* http_request.c */
pv_status http_req_new(pv_http_req **out, const pv_http_options *options, pv_err *err);
void http_req_free(pv_http_req *req);
void http_req_finish(pv_http_req *req, CURLcode code); /* sets ended, status, err */

#endif
