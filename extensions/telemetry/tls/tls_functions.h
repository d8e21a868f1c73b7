/* What libmayfly-tls.so offers: TLS over a socket that somebody else has
 * connected, and the two sums that signatures of AWS are made of. It is C, because the daemon and the module each
 * carry a C++ library of their own.
 *
 * No call blocks: where a peer must be waited for, the caller is told for what.
 * Thread-safety: one thread at a time for one peer and its link; different peers
 * at once. SIGPIPE must be ignored.
 */

#ifndef MAYFLY_TLS_FUNCTIONS_H
#define MAYFLY_TLS_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAYFLY_TLS_VERSION 1

/* Whom to talk to: a name to be verified, the roots to verify it by, and the
 * session that makes the next handshake shorter. */
struct mayfly_tls_peer;
/* One connection to it. */
struct mayfly_tls_link;

/* Results below zero. */
enum {
  MAYFLY_TLS_WANTS_TO_READ = -1, /* call again once the socket is readable */
  MAYFLY_TLS_WANTS_TO_WRITE = -2,
  MAYFLY_TLS_ENDED = -3, /* the peer has closed, with or without saying so */
  MAYFLY_TLS_FAILED = -4 /* why() tells */
};

struct mayfly_tls_functions {
  uint32_t version; /* MAYFLY_TLS_VERSION */

  /* `host` is a name or an IP address without brackets, `ca_file` a file of PEM
   * certificates, read once a process. With `insecure` anybody may answer. All
   * texts end with NUL and are copied. Null: `why` holds the reason, cut to its
   * size. */
  struct mayfly_tls_peer* (*make_peer)(const char* host, const char* ca_file, int insecure, char* why, size_t why_size);
  void (*free_peer)(struct mayfly_tls_peer*);

  /* Over a connected, non-blocking socket, which stays the caller's. Null: no
   * memory. */
  struct mayfly_tls_link* (*attach)(struct mayfly_tls_peer*, int socket);
  /* Tells the peer goodbye unless something has failed. */
  void (*detach)(struct mayfly_tls_link*);

  int (*handshake)(struct mayfly_tls_link*); /* 0: done */
  int (*resumed)(const struct mayfly_tls_link*);
  /* How many bytes were taken; at least one. */
  long (*write)(struct mayfly_tls_link*, const void* bytes, size_t size);
  long (*read)(struct mayfly_tls_link*, void* bytes, size_t size);
  /* After MAYFLY_TLS_FAILED; lives as long as the link. */
  const char* (*why)(const struct mayfly_tls_link*);

  /* Into 32 bytes. In libsodium or by hand they would be 200 KB of the daemon, or
   * cryptography of our own. */
  void (*sha256)(const void* bytes, size_t size, unsigned char* digest);
  void (*hmac_sha256)(const void* key, size_t key_size, const void* bytes, size_t size, unsigned char* digest);
};

/* The only symbol of the module. */
#define MAYFLY_TLS_ENTRY "mayfly_tls"
typedef const struct mayfly_tls_functions* (*mayfly_tls_entry)(void);

#ifdef __cplusplus
}
#endif

#endif
