#ifndef STORE_SUM_H
#define STORE_SUM_H
/*
 * Sums of rows that are exact as long as 64 bits hold them, and stay at the
 * largest number beyond: a provider that tells absurd counts must not stop a
 * report with an overflow, nor llmgw-jobd with one that comes again and again.
 * Private to the room; pieces of constant statements.
 */

/* Of a column, in a SELECT. SQLite's SUM fails beyond, so it adds halves. */
#define STORE_SUM_HALVES(c)                                     \
	"CASE WHEN SUM(" c " >> 32) + (SUM(" c " & 4294967295)" \
	" >> 32) > 2147483647 THEN 9223372036854775807 ELSE"    \
	" (SUM(" c " >> 32) << 32) + SUM(" c " & 4294967295) END"
/* MariaDB's is a decimal number of 41 digits or so. */
#define STORE_SUM_DECIMAL(c) \
	"CAST(LEAST(SUM(" c "), 9223372036854775807) AS SIGNED)"

/*
 * A sum that is kept in a row goes no further than this, 2^62 - 1, so that
 * what is added to it next does not overflow.
 */
#define STORE_SUM_MOST "4611686018427387903"

#endif
