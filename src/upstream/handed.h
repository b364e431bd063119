#ifndef UPSTREAM_HANDED_H
#define UPSTREAM_HANDED_H
/*
 * How far a request has been handed to the kernel, known so exactly that it
 * holds if this process dies at any instant: call->handed (upstream.h) changes
 * right before and right after the system call that makes the request whole.
 * libcurl has no callback there. It tells before it sends anything
 * (CURLOPT_PREREQFUNCTION); each piece then passes send(2), and as the program
 * comes before its libraries when symbols are bound, that is the send() of
 * handed.c, which looks and asks the kernel.
 *
 * WHOLE is a request of which at least as many bytes have gone as its body
 * has. TLS and HTTP/2 add to these, and so do the lines of its head: it is
 * called whole at most by so much too early, never too late. A request that is
 * not whole cannot have been answered with anything that costs.
 *
 * Until a first request of this thread was seen in send(), and should a libcurl
 * ever send by other means, a request counts as being handed over from the
 * moment that libcurl is about to send it.
 *
 * THREADS: one engine in a thread. Others of the process use send() as ever.
 */
#include "upstream/engine.h"

/* CURLOPT_PREREQFUNCTION; clientp is the xfer. Also when curl tries again. */
int
handed_begin(void *clientp, char *to, char *from, int to_port, int from_port);
/* Something of the answer is there, so it was whole. */
void handed_answered(struct upstream_xfer *x);
/* Nothing is told of it any more. */
void handed_leave(struct upstream_xfer *x);
/* The engine goes. */
void handed_fini(const struct engine *e);

#endif
