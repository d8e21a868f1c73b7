// The pipe of a streamed response, and how fast it may be.

#include "emulator/response_stream.h"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace mayfly::emulator;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr std::size_t kMax = ResponseStream::kMaxWaitingBytes;

struct Pipe {
  asio::io_context io;
  std::shared_ptr<ResponseStream> stream = std::make_shared<ResponseStream>(io, false);
  std::string read_so_far, last_written;
  std::size_t largest_read = 0;
  bool read_all = false;

  // Writes each part, and notes how far it came.
  void write(std::vector<std::string> parts) {
    asio::co_spawn(
        io,
        [this, parts = std::move(parts)]() -> asio::awaitable<void> {
          for (std::size_t i = 0; i < parts.size(); ++i) {
            bool wanted = co_await stream->write(parts[i]);
            last_written = std::to_string(i) + (wanted ? "" : " unwanted");
          }
        },
        asio::detached);
    run();
  }
  void read_to_end() {
    asio::co_spawn(
        io,
        [this]() -> asio::awaitable<void> {
          for (;;) {
            auto bytes = co_await stream->read();
            if (bytes.empty()) break;
            read_so_far += bytes;
            largest_read = std::max(largest_read, bytes.size());
          }
          read_all = true;
        },
        asio::detached);
    run();
  }
  void end(std::string error_type = {}) {
    Answer how;
    how.error_type = std::move(error_type);
    stream->end(std::move(how));
    run();
  }
  // Until everyone waits.
  void run() {
    io.restart();
    while (io.poll() > 0) {
    }
  }
};

}  // namespace

TEST_CASE_FIXTURE(Pipe, "what is written is read, in order, as soon as it is there") {
  read_to_end();
  write({"a", "b"});
  CHECK(read_so_far == "ab");
  CHECK_FALSE(read_all);
  write({"c"});
  CHECK(read_so_far == "abc");
  end();
  CHECK(read_all);
  CHECK(stream->how_it_ended().error_type.empty());
}

TEST_CASE_FIXTURE(Pipe, "a writer who is faster waits, with little in the pipe") {
  std::string big(3 * kMax + 7, 'x');
  write({big, "y"});
  CHECK(last_written.empty());
  read_to_end();
  CHECK(last_written == "1");
  CHECK(read_so_far == big + "y");
  CHECK(largest_read == kMax);
}

TEST_CASE_FIXTURE(Pipe, "what waits is read before the end, and the first end counts") {
  write({"left"});
  end("Sandbox.Timedout");
  end("Runtime.ExitError");
  read_to_end();
  CHECK(read_so_far == "left");
  CHECK(read_all);
  CHECK(stream->how_it_ended().error_type == "Sandbox.Timedout");
}

TEST_CASE_FIXTURE(Pipe, "an end releases a writer who waits") {
  write({std::string(kMax + 1, 'x'), "more"});
  CHECK(last_written.empty());
  end();
  CHECK(last_written == "1 unwanted");
}

TEST_CASE_FIXTURE(Pipe, "when the reader leaves, the writer goes on into the void") {
  write({std::string(kMax + 1, 'x')});
  CHECK(last_written.empty());
  stream->abandon();
  run();
  CHECK(last_written == "0");
  write({std::string(10 * kMax, 'x')});
  CHECK(last_written == "0");
  end();
}

TEST_CASE("Lambda's bandwidth: 6 MiB at once, then 256 KiB every 125 ms, and no more than 6 MiB saved up") {
  constexpr std::size_t kMiB = 1024 * 1024;
  Bandwidth::Clock::time_point start{};
  Bandwidth bandwidth(start);
  CHECK(bandwidth.take(start, 4 * kMiB) == 4 * kMiB);
  CHECK(bandwidth.take(start, 4 * kMiB) == 2 * kMiB);
  CHECK(bandwidth.take(start + 124ms, 1) == 0);
  CHECK(bandwidth.next_grant() == start + 125ms);
  CHECK(bandwidth.take(start + 125ms, kMiB) == kMiB / 4);
  CHECK(bandwidth.take(start + 125ms, kMiB) == 0);
  CHECK(bandwidth.next_grant() == start + 250ms);
  CHECK(bandwidth.take(start + 1'130ms, 3 * kMiB) == 2 * kMiB);  // late, and no grant is lost
  CHECK(bandwidth.next_grant() == start + 1'250ms);
  CHECK(bandwidth.take(start + 1h, 8 * kMiB) == 6 * kMiB);
}

TEST_CASE("a throttled stream lets the burst pass and holds the rest back") {
  Pipe pipe;
  pipe.stream = std::make_shared<ResponseStream>(pipe.io, true);
  pipe.read_to_end();
  pipe.write({std::string(Bandwidth::kBurstBytes, 'x')});
  CHECK(pipe.last_written == "0");
  CHECK(pipe.read_so_far.size() == Bandwidth::kBurstBytes);
  pipe.last_written.clear();
  pipe.write({std::string(Bandwidth::kBurstBytes, 'x')});  // three seconds
  CHECK(pipe.last_written.empty());
  pipe.end();
}
