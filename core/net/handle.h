/* libuv handles of this folder live inside our structs and keep handle->data NULL:
 * luv takes a non-NULL data of any handle on its loop for its own. */
#ifndef PV_NET_HANDLE_H
#define PV_NET_HANDLE_H

#include <stddef.h>

/* The struct of type `type` whose member `member` is at `ptr`. */
#define PV_OWNER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
