#include "sys/slice.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

void
slice_ask(usec_t slice)
{
	struct sched_attr a = { .size = sizeof(a) };

	/* what else it has, its nice value too, stays */
	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0 ||
	    (a.sched_policy != SCHED_NORMAL && a.sched_policy != SCHED_BATCH))
		return;
	a.sched_flags = 0;
	a.sched_runtime = (uint64_t)slice * 1000;
	(void)syscall(SYS_sched_setattr, 0, &a, 0);
}
