#ifndef METER_REQLOG_H
#define METER_REQLOG_H
/*
 * One line per request, key=value or JSON; the field names are the same in
 * both.
 */
#include "base/buf.h"
#include "base/log.h"
#include "meter/record.h"

/*
 * Appends the line without a newline; control bytes are escaped. It has less
 * than METER_LINE_MAX bytes whatever clients sent: what they name is cut.
 */
#define METER_LINE_MAX 16384
void meter_reqlog_line(
    const struct meter_record *rec, enum log_format format, struct buf *out);

#endif
