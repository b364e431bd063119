#ifndef BASE_ERR_H
#define BASE_ERR_H
/*
 * Errors inside the program.
 *
 * A function that can fail returns `enum err` and writes its outputs only on
 * ERR_OK. A failure that a client or an operator must understand is filled in
 * once, by who knows the cause, as a room's own structure (`struct msg_fail`
 * for a request, `struct conf_problem` for a configuration).
 *
 * Our own bugs are ASSERTs, always compiled in: the worker dies, the parent
 * starts another. Input of any kind never reaches one.
 */

#define MUST_CHECK __attribute__((warn_unused_result))
/*
 * A large local that is written before it is read, where every request passes:
 * the hardened build would clear it each time (-ftrivial-auto-var-init).
 */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNCLEARED __attribute__((uninitialized))
#else
#define UNCLEARED
#endif
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err {
	ERR_OK = 0,
	ERR_NOMEM, /* allocation failed, or a stated maximum is reached */
	ERR_SYNTAX, /* the bytes are not what the format demands */
	ERR_LIMIT, /* well formed, but larger, deeper or more than allowed */
	ERR_RANGE, /* a number or word outside its set */
	ERR_NOT_FOUND,
	ERR_AGAIN, /* not now: more input or room is needed */
	ERR_CLOSED, /* the other side has gone */
	ERR_TIMEOUT,
	ERR_IO, /* the system said no; errno tells */
	ERR_DENIED, /* a rule forbids it */
	ERR_UNSUPPORTED,
	ERR__MAX
};

/* The word for an error, e.g. "out of memory". Never NULL. */
const char *err_word(enum err e);

/* Prints expression, file and line to stderr, then abort()s. */
__attribute__((noreturn)) void
err_assert_failed(const char *expr, const char *file, int line);

#define ASSERT(x) ((x) ? (void)0 : err_assert_failed(#x, __FILE__, __LINE__))

#endif
