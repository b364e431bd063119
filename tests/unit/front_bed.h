#ifndef TESTS_FRONT_BED_H
#define TESTS_FRONT_BED_H
/*
 * A test bed for the event door: loop, door and doubled flow in this process,
 * and web servers' ends of connections that are served in turns with the loop.
 */
#include "front/front.h"
#include "front_double.h"
#include "front_peer.h"
#include "sys/loop.h"

struct bed {
	struct loop *loop;
	struct flow flow;
	struct shm *shm;
	struct front_fcgi *front;
	int listen_fd;
	char path[108];
};

struct peer {
	int fd;
	struct buf out; /* to be sent */
	size_t out_at;
	size_t send_max; /* bytes per turn; 0: all */
	bool reads; /* takes what comes */
	size_t recv_max; /* bytes per turn; 0: all */
	bool is_closed; /* the other side has closed */
	bool is_reset;
	struct peer_answer answer;
};

void bed_open(struct bed *b, enum double_mode mode);
void bed_close(struct bed *b);

void peer_open(struct bed *b, struct peer *p);
void peer_close(struct peer *p);

/*
 * One turn: the peers send and read what they can, then the loop runs once.
 */
void bed_turn(struct bed *b, struct peer *peers, size_t n);
/* Turns until cond; the test fails when that is not to be. */
#define bed_until(b, peers, n, cond)                              \
	do {                                                      \
		usec_t until_ = clock_mono() + 20 * USEC_PER_SEC; \
		while (!(cond)) {                                 \
			assert_true(clock_mono() < until_);       \
			bed_turn((b), (peers), (n));              \
		}                                                 \
	} while (0)

#endif
