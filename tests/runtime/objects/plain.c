/* The entry point written by hand in C, and two that no loader may take. */

#include <mayfly/entry_point.h>

#define EXPORT __attribute__((visibility("default"))) const struct mayfly_handler

static int state;

static void* init(const struct mayfly_sink* sink) {
  (void)sink;
  return &state;
}

static void* init_fails(const struct mayfly_sink* sink) {
  struct mayfly_bytes type = {"C.Failed", 8};
  struct mayfly_bytes json = {"{\"errorMessage\":\"m\"}", 20};
  sink->fail(sink->to, type, json);
  return NULL;
}

static void invoke(void* s, const struct mayfly_invocation* invocation, const struct mayfly_sink* sink) {
  (void)s;
  sink->respond(sink->to, invocation->fields[0].value);
}

/* Without an end, which is when it returns. */
static void stream(void* s, const struct mayfly_invocation* invocation, const struct mayfly_sink* sink) {
  struct mayfly_bytes type = {"text/csv", 8};
  (void)s;
  sink->begin(sink->to, type);
  while (sink->write(sink->to, invocation->event) != 0) {
  }
}

EXPORT mayfly_handler_stream = {MAYFLY_ENTRY_POINT_VERSION, sizeof(struct mayfly_handler), init, stream, NULL, NULL};
EXPORT mayfly_handler_first_field = {MAYFLY_ENTRY_POINT_VERSION, sizeof(struct mayfly_handler), init, invoke, NULL, NULL};
EXPORT mayfly_handler_fails = {MAYFLY_ENTRY_POINT_VERSION, sizeof(struct mayfly_handler), init_fails, invoke, NULL, NULL};
EXPORT mayfly_handler_later = {MAYFLY_ENTRY_POINT_VERSION + 1, sizeof(struct mayfly_handler) + 8, init, invoke, NULL, NULL};
EXPORT mayfly_handler_short = {MAYFLY_ENTRY_POINT_VERSION, sizeof(struct mayfly_handler) - 8, init, invoke, NULL, NULL};
