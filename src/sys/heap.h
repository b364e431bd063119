#ifndef SYS_HEAP_H
#define SYS_HEAP_H
/*
 * What the C library's allocator does in a process that serves requests: how
 * much free memory it keeps, and that what it grows by lies in large pages.
 *
 * A thousand streams are 30 MB that are touched a little here and there with
 * every chunk. In pages of 4 KB nearly each touch asks the page tables as well,
 * which costs a chunk more CPU time than a little memory in half-used large
 * pages is worth (tests/bench/run --case streams-1000 prints both). Where the
 * kernel has none to give (transparent_hugepage "never", or memory in pieces)
 * all goes on with small ones.
 *
 * THREADS: heap_tune before there are others, heap_grown from the loop's.
 */

/* Once in a process, after fork: its children share what it has until then. */
void heap_tune(void);
/*
 * The heap's end may have moved. Costs a comparison mostly, so that every turn
 * of the loop asks. Nothing without heap_tune.
 */
void heap_grown(void);

#endif
