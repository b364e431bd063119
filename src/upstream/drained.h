#ifndef UPSTREAM_DRAINED_H
#define UPSTREAM_DRAINED_H
/*
 * One system call less for each piece of a stream. After a read libcurl asks by
 * poll(2) whether there is more; but a read that brought less than there was
 * room for has told already that there is not. So the recv() of drained.c, which
 * libcurl calls because the program comes before its libraries when symbols are
 * bound, remembers such a read, and its poll() says "nothing yet" to the next
 * question about the same descriptor, once. What comes later is told by the
 * loop, which watches the descriptor by level; so is the end.
 *
 * Only between drained_begin and drained_end, which stand around libcurl's turn
 * for one ready descriptor: a connection that is taken from the pool another
 * time is looked at as ever. A read that was filled, failed or met the end
 * remembers nothing, and so does TLS, which reads exactly what it expects.
 * Should a libcurl read or ask by other means, all is as it would be without.
 *
 * THREADS: any; what one remembers is its own.
 */
void drained_begin(void);
void drained_end(void);

#endif
