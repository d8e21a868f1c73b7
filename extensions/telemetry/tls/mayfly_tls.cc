// libmayfly-tls.so: OpenSSL behind tls_functions.h.
//
// A module of its own, because OpenSSL linked into the daemon is 4.4 MB, 18,000
// relocations and a quarter of a millisecond at every start, for a function that
// may never flush. It holds no socket, no name look-up and no HTTP: the daemon
// connects and frames as it does without TLS.
//
// What is fixed here: TLS 1.2 or later, certificate and name verified, no
// renegotiation, no early data (it can be replayed), no key log, and no
// openssl.cnf: what a machine prefers must not decide what a function sends.

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "extensions/telemetry/tls/root_certificates.h"
#include "extensions/telemetry/tls/tls_functions.h"

struct mayfly_tls_peer {
  SSL_CTX* context;  // shared
  std::string host;
  bool is_address;
  bool verifies;
  SSL_SESSION* session = nullptr;  // the newest
};

struct mayfly_tls_link {
  mayfly_tls_peer* peer;
  SSL* ssl;
  bool failed = false;
  std::string why{};
};

namespace {

using mayfly::tls::offer_roots;

const unsigned char kHttp[] = "\x08http/1.1";

// A session that can be resumed: with TLS 1.3 it comes behind the handshake, and
// each is used once (RFC 8446, appendix C.4), so the newest is the one to keep.
// A copy, because OpenSSL spoils the session of a connection that ends without a
// word, as each does that dies in a freeze. What a cut answer is, its framing tells.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* peer = static_cast<mayfly_tls_peer*>(SSL_get_app_data(ssl));
  SSL_SESSION_free(std::exchange(peer->session, SSL_SESSION_dup(session)));
  return 0;
}

void resume_session(SSL* ssl, const mayfly_tls_peer& peer) {
  SSL_SESSION* session = peer.session ? SSL_SESSION_dup(peer.session) : nullptr;
  if (session) SSL_set_session(ssl, session);
  SSL_SESSION_free(session);
}

SSL_CTX* make_context(const std::string& ca_file, bool verifies, std::string& why) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (!context) {
    why = "OpenSSL could not be started";
    return nullptr;
  }
  if (verifies && offer_roots(SSL_CTX_get_cert_store(context), ca_file, why) == 0) {
    why = ca_file + ": " + why;
    SSL_CTX_free(context);
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  // A file that names an intermediate authority, or one server, is enough.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_protos(context, kHttp, sizeof kHttp - 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  return context;
}

// One for each file of roots; they live as long as the process.
SSL_CTX* context_for(const std::string& ca_file, bool verifies, std::string& why) {
  static std::mutex mutex;
  static auto& contexts = *new std::map<std::string, SSL_CTX*>;
  std::lock_guard lock(mutex);
  auto& context = contexts[verifies ? ca_file : ""];
  if (!context) context = make_context(ca_file, verifies, why);
  return context;
}

void copy_text(const std::string& text, char* to, std::size_t size) {
  if (size == 0) return;
  auto n = std::min(text.size(), size - 1);
  std::memcpy(to, text.data(), n);
  to[n] = '\0';
}

mayfly_tls_peer* make_peer(const char* host, const char* ca_file, int insecure, char* why, std::size_t why_size) {
  std::string reason;
  SSL_CTX* context = context_for(ca_file, !insecure, reason);
  ERR_clear_error();
  if (!context) {
    copy_text(reason, why, why_size);
    return nullptr;
  }
  unsigned char address[sizeof(in6_addr)];
  bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
  return new mayfly_tls_peer{context, host, is_address, !insecure};
}

void free_peer(mayfly_tls_peer* peer) {
  SSL_SESSION_free(peer->session);
  delete peer;
}

mayfly_tls_link* attach(mayfly_tls_peer* peer, int socket) {
  SSL* ssl = SSL_new(peer->context);
  if (!ssl) return nullptr;
  SSL_set_app_data(ssl, peer);
  SSL_set_connect_state(ssl);
  bool ready = SSL_set_fd(ssl, socket) == 1;
  if (peer->is_address) {
    ready = ready && X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), peer->host.c_str()) == 1;
  } else {
    auto* name = const_cast<char*>(peer->host.c_str());
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ready = ready && SSL_set1_host(ssl, name) == 1 &&
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name) == 1;
  }
  if (!ready) {  // better no connection than one to anybody
    SSL_free(ssl);
    return nullptr;
  }
  resume_session(ssl, *peer);
  return new mayfly_tls_link{peer, ssl};
}

void detach(mayfly_tls_link* link) {
  // After an error SSL_shutdown() must not be called.
  if (!link->failed) SSL_shutdown(link->ssl);
  ERR_clear_error();
  SSL_free(link->ssl);
  delete link;
}

std::string reason_of(const mayfly_tls_link& link) {
  long verdict = SSL_get_verify_result(link.ssl);
  if (link.peer->verifies && verdict != X509_V_OK) {
    return std::string("its certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
  }
  unsigned long error = ERR_peek_error();
  if (error == 0) return "the connection broke";
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER) {
    return "it does not speak TLS on this port";
  }
  const char* text = ERR_reason_error_string(error);
  return text ? text : "error " + std::to_string(error);
}

// Of a call that took or gave nothing.
int problem(mayfly_tls_link* link, int result) {
  int saved = errno;
  int code = SSL_get_error(link->ssl, result);
  if (code == SSL_ERROR_WANT_READ) return MAYFLY_TLS_WANTS_TO_READ;
  if (code == SSL_ERROR_WANT_WRITE) return MAYFLY_TLS_WANTS_TO_WRITE;
  if (code == SSL_ERROR_ZERO_RETURN) return MAYFLY_TLS_ENDED;
  link->failed = true;
  bool cut = code == SSL_ERROR_SYSCALL ||
             (code == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING);
  if (cut) {
    link->why = saved != 0 && code == SSL_ERROR_SYSCALL ? std::strerror(saved) : "closed by the peer";
  } else {
    link->why = reason_of(*link);
  }
  ERR_clear_error();
  return cut ? MAYFLY_TLS_ENDED : MAYFLY_TLS_FAILED;
}

int handshake(mayfly_tls_link* link) {
  ERR_clear_error();
  errno = 0;
  int result = SSL_do_handshake(link->ssl);
  return result == 1 ? 0 : problem(link, result);
}

int resumed(const mayfly_tls_link* link) { return SSL_session_reused(link->ssl); }

long write_some(mayfly_tls_link* link, const void* bytes, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  std::size_t taken = 0;
  int result = SSL_write_ex(link->ssl, bytes, size, &taken);
  return result == 1 ? static_cast<long>(taken) : problem(link, result);
}

long read_some(mayfly_tls_link* link, void* bytes, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  std::size_t taken = 0;
  int result = SSL_read_ex(link->ssl, bytes, size, &taken);
  return result == 1 ? static_cast<long>(taken) : problem(link, result);
}

const char* why(const mayfly_tls_link* link) { return link->why.c_str(); }

void sha256(const void* bytes, std::size_t size, unsigned char* digest) {
  SHA256(static_cast<const unsigned char*>(bytes), size, digest);
}

void hmac_sha256(const void* key, std::size_t key_size, const void* bytes, std::size_t size, unsigned char* digest) {
  HMAC(EVP_sha256(), key, static_cast<int>(key_size), static_cast<const unsigned char*>(bytes), size, digest, nullptr);
}

constexpr mayfly_tls_functions kFunctions = {
    MAYFLY_TLS_VERSION, make_peer, free_peer, attach, detach,     handshake, resumed,
    write_some,         read_some, why,       sha256, hmac_sha256};

}  // namespace

extern "C" __attribute__((visibility("default"))) const mayfly_tls_functions* mayfly_tls() {
  // The first call decides about openssl.cnf for the whole process. Nothing runs
  // at exit: threads may still be inside.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
  return &kFunctions;
}
