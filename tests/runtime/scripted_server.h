// A loopback server that follows a script, byte by byte: it answers, cuts,
// resets and falls silent exactly where a test wants it to.
//
// The script is a list of steps. A request takes the first unused step whose
// `expects` begins its request line, so requests on several connections need no
// order among themselves. A request without a step ends the play: it is left
// unanswered and done_fd() becomes readable, which is where the runtime's wake-up
// descriptor comes from. A Step::leave at the end closes everything instead.

#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace mayfly::test {

struct Step {
  enum class Then {
    keep,   // the connection stays open
    close,  // ends in an orderly way
    reset,  // ends with RST
    leave,  // everything closes, also the listening socket
  };

  std::string expects;  // e.g. "GET /2018-06-01/runtime/invocation/next"
  std::string answer;   // sent as it is; empty: nothing is sent
  Then then = Then::keep;
  bool at_head = false;  // the answer goes out before the request's body is read
  int delay_ms = 0;      // before the answer
};

struct Request {
  std::string line;  // "POST /2018-... HTTP/1.1"
  std::string head;  // without the request line
  std::string body;  // with the framing, when in chunks
  int connection;    // counts from 0 in the order of accept

  std::string_view field(std::string_view name) const;  // empty when not there
  bool has_field(std::string_view name) const;
};

class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Step> script);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int done_fd() const { return done_fd_; }
  // All requests so far, complete ones and those answered at the head.
  std::vector<Request> requests();
  // How many connections have ended.
  int closed();
  // Those whose request line begins so.
  std::vector<Request> requests(std::string_view line);

 private:
  struct Connection;

  void run();
  void accept_connection();
  // False: the connection is over.
  bool read_from(Connection& connection);
  bool play(Connection& connection);
  static std::size_t chunked_size(std::string_view body);
  Step* take_step(std::string_view line);

  int listener_;
  int stop_fd_;
  int done_fd_;
  std::uint16_t port_;
  std::vector<Step> script_;
  std::vector<bool> used_;
  std::vector<Connection> connections_;
  int accepted_ = 0;
  int closed_ = 0;
  std::mutex mutex_;
  std::vector<Request> requests_;
  std::thread thread_;
};

// ---- what scripts are made of

inline constexpr std::string_view kNext = "GET /2018-06-01/runtime/invocation/next ";
inline constexpr std::string_view kResponse = "POST /2018-06-01/runtime/invocation/r1/response ";
inline constexpr std::string_view kError = "POST /2018-06-01/runtime/invocation/r1/error ";
inline constexpr std::string_view kInitError = "POST /2018-06-01/runtime/init/error ";
inline constexpr std::string_view kRegister = "POST /2020-01-01/extension/register ";
inline constexpr std::string_view kExtensionNext = "GET /2020-01-01/extension/event/next ";

// The answer to `next`; `fields` are whole lines, each with its "\r\n".
std::string event_answer(std::string_view event, std::string_view request_id = "r1", std::string_view fields = "");
std::string answer_with_status(int status, std::string_view body = "", std::string_view fields = "");
// What Lambda says to a post, and to an extension that registers.
std::string accepted();
std::string registered();

}  // namespace mayfly::test
