#ifndef METER_REQLOG_H
#define METER_REQLOG_H
/*
 * One line per request, key=value or JSON; the field names are the same in
 * both.
 */
#include "base/buf.h"
#include "base/log.h"
#include "meter/record.h"

/* Appends the line without a newline; control bytes are escaped. */
void meter_reqlog_line(
    const struct meter_record *rec, enum log_format format, struct buf *out);

#endif
