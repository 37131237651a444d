#ifndef PLUMBLINE_CCURL_SHIM_H
#define PLUMBLINE_CCURL_SHIM_H

// Typed handles: without this every handle would be a plain `void *`.
#ifndef CURL_STRICTER
#define CURL_STRICTER
#endif

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

// Shows people which thread it is, in `top` and in debuggers; at most 15 characters.
static inline void plumbline_name_this_thread(const char *name) {
#ifdef __linux__
    prctl(PR_SET_NAME, name, 0, 0, 0);
#else
    (void)name;
#endif
}

static inline bool plumbline_global_start(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

// Swift cannot call variadic functions; each wrapper fixes the type of the last argument.

static inline CURLcode plumbline_easy_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode plumbline_easy_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode plumbline_easy_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode plumbline_easy_set_body(CURL *easy, const void *bytes) {
    return curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, bytes);
}

static inline CURLcode plumbline_easy_set_headers(CURL *easy, struct curl_slist *headers) {
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
}

static inline CURLcode plumbline_easy_set_error_buffer(CURL *easy, char *buffer) {
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, buffer);
}

// The number names the transfer when `plumbline_multi_next` reports its end.
static inline CURLcode plumbline_easy_set_number(CURL *easy, uint64_t number) {
    return curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)(uintptr_t)number);
}

static inline CURLcode plumbline_easy_set_receivers(
    CURL *easy, curl_write_callback header, curl_write_callback body, void *user) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, user);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, user);
    return code;
}

static inline long plumbline_easy_get_long(CURL *easy, CURLINFO info) {
    long value = 0;
    if (curl_easy_getinfo(easy, info, &value) != CURLE_OK) return 0;
    return value;
}

static inline int64_t plumbline_easy_get_offset(CURL *easy, CURLINFO info) {
    curl_off_t value = 0;
    if (curl_easy_getinfo(easy, info, &value) != CURLE_OK) return 0;
    return value;
}

static inline CURLMcode plumbline_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

// Takes the next finished transfer off the multi handle's list; false when there is none.
static inline bool plumbline_multi_next(CURLM *multi, uint64_t *number, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        void *mark = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &mark);
        *number = (uint64_t)(uintptr_t)mark;
        *result = code;
        return true;
    }
    return false;
}

#endif
