/* When a signal came that the event loop has not seen yet: code that does not wait never lets it.
 */
#ifndef PV_LINUX_SIGNALS_H
#define PV_LINUX_SIGNALS_H

#include "base/status.h"

/* Notes the time of a signal before the handler that it has now, which still runs; that handler
 * must be a plain one, as libuv's is.  Statuses: PV_EINVAL (no such signal, or no such handler). */
pv_status pv_signals_watch(int number, pv_err *err);

/* Seconds since the first watched signal that was not seen; negative when there is none. */
double pv_signals_age(void);

/* The signals that came are seen. */
void pv_signals_seen(void);

#endif
