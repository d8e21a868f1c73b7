/* The C entry point of a handler that is a shared object: what `bootstrap`, or
 * any other program, needs to call it.
 *
 * Loader and handler may be built by different compilers and may each carry a
 * C++ library of their own, so nothing but plain C crosses here: no C++ type, no
 * exception, no memory that one side allocates and the other frees.
 *
 * The object for `_HANDLER=orders.so:price` exports the symbol
 * `mayfly_handler_price`, a `const struct mayfly_handler`. MAYFLY_HANDLER in
 * <mayfly/shared_object.h> writes it for C++; any language that can export a C
 * structure can write one too.
 *
 * Whatever a later version adds comes behind the members there are, under a
 * higher `version`; a loader takes its own version only. */

#ifndef MAYFLY_ENTRY_POINT_H
#define MAYFLY_ENTRY_POINT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAYFLY_ENTRY_POINT_VERSION 1u

/* Not terminated by NUL, and may hold NUL. */
struct mayfly_bytes {
  const char* data;
  size_t size;
};

/* A header field of the Runtime API, e.g. Lambda-Runtime-Aws-Request-Id. */
struct mayfly_field {
  struct mayfly_bytes name; /* compare without case */
  struct mayfly_bytes value;
};

/* Everything in it lives until invoke() returns. */
struct mayfly_invocation {
  struct mayfly_bytes event;
  size_t event_capacity; /* bytes that may be read at event.data, at least event.size */
  const struct mayfly_field* fields;
  size_t field_count;
};

/* Takes the answer of one call, before the call returns: respond() or fail(), once; or
 * begin(), any number of write(), and end() or fail(). init() may only fail(). The
 * bytes are done with when the function returns. */
struct mayfly_sink {
  void* to;
  void (*respond)(void* to, struct mayfly_bytes response);
  /* error_json: {"errorMessage":"...","errorType":"...","stackTrace":[...]} */
  void (*fail)(void* to, struct mayfly_bytes error_type, struct mayfly_bytes error_json);
  /* A response in parts. write() waits for its reader, and gives 0, or another
   * number when nobody wants more of it. */
  void (*begin)(void* to, struct mayfly_bytes content_type);
  int (*write)(void* to, struct mayfly_bytes part);
  void (*end)(void* to);
};

struct mayfly_handler {
  uint32_t version; /* MAYFLY_ENTRY_POINT_VERSION */
  uint32_t size;    /* sizeof(struct mayfly_handler) */
  /* Init phase. The state handed to the other functions; or NULL, after sink->fail(). */
  void* (*init)(const struct mayfly_sink* sink);
  void (*invoke)(void* state, const struct mayfly_invocation* invocation, const struct mayfly_sink* sink);
  /* When Lambda ends the environment; NULL when there is nothing to do. */
  void (*before_shutdown)(void* state);
  void (*free)(void* state);
};

#ifdef __cplusplus
}
#endif

#endif
