#ifndef BASE_LOG_H
#define BASE_LOG_H
/*
 * Where lines go. Rooms below flow return errors and do not log; the mains and
 * flow do. Request lines are made by meter/reqlog and written by log_lines.
 *
 * One write(2) per message or per log_lines, so lines of several workers do not
 * mix. A file is opened with O_APPEND and opened again by log_reopen
 * (logrotate); a syslog daemon that was restarted is connected to again. A line
 * that cannot be written is counted, never waited for.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum log_level {
	LOG_ERROR,
	LOG_WARN,
	LOG_INFO,
	LOG_DEBUG,
	LOG__MAX
};
enum log_format {
	LOG_KEYVALUE,
	LOG_JSON
};

/*
 * to: "stderr", "syslog", "syslog:/path/of/socket" or "file:/path". ERR_IO and
 * ERR_RANGE (no such word) leave the old target.
 */
MUST_CHECK enum err
log_open(struct str to, enum log_format format, enum log_level level);
MUST_CHECK enum err log_reopen(void);
enum log_format log_format_now(void);

/* A message of the program itself, at most 2 KiB; control bytes become '?'. */
void log_msg(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * Finished lines, each with its newline, at most LOG_LINES_MAX bytes unless it
 * is one line: they go out in one write where the target allows it.
 */
#define LOG_LINES_MAX 4096 /* what a pipe takes whole (PIPE_BUF) */
void log_lines(struct str lines);
/* One that could not even be made. */
void log_line_lost(void);
/* Lines lost since the start. */
uint64_t log_lost(void);

#endif
