#ifndef TESTS_PROV_EAR_H
#define TESTS_PROV_EAR_H
/*
 * What a provider's parser says, as text: one event a line, pieces of text
 * that follow one another joined, pings left out. So cuts do not show.
 */
#include "api/msg.h"

struct prov_ear {
	struct buf *log;
	enum msg_event_type last; /* MSG_EV__MAX at first */
	uint32_t choice, call;
};

/* For struct msg_sink; arg is a struct prov_ear. */
void prov_ear_event(void *arg, const struct msg_event *ev);

#endif
