#include "emulator/cli/event_reader.h"

#include <cstdint>
#include <optional>

#include "emulator/invoke/event_stream.h"

namespace mayfly::emulator::cli {
namespace {

using core::Errc;
using core::fail;

constexpr std::size_t kPreludeBytes = 12, kSumBytes = 4;
constexpr std::size_t kMaxHeaderBytes = 128 * 1024;
constexpr unsigned kString = 7;

// What lies in front, taken off piece by piece.
struct Bytes {
  std::string_view left;

  std::optional<std::string_view> take(std::size_t size) {
    if (size > left.size()) return std::nullopt;
    auto taken = left.substr(0, size);
    left.remove_prefix(size);
    return taken;
  }
  std::optional<std::uint32_t> number(std::size_t size) {
    auto bytes = take(size);
    if (!bytes) return std::nullopt;
    std::uint32_t value = 0;
    for (char c : *bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
};

// The bytes that a value of this type takes; strings and byte strings have a length.
std::optional<std::string_view> take_value(Bytes& bytes, unsigned type) {
  constexpr std::size_t kSizes[] = {0, 0, 1, 2, 4, 8};  // true, false, byte, short, integer, long
  if (type < std::size(kSizes)) return bytes.take(kSizes[type]);
  if (type == 8) return bytes.take(8);   // timestamp
  if (type == 9) return bytes.take(16);  // UUID
  if (type != 6 && type != kString) return std::nullopt;
  auto size = bytes.number(2);
  return size ? bytes.take(*size) : std::nullopt;
}

bool read_headers(std::string_view text, StreamEvent& event) {
  Bytes bytes{text};
  while (!bytes.left.empty()) {
    auto name_size = bytes.number(1);
    auto name = name_size ? bytes.take(*name_size) : std::nullopt;
    auto type = name ? bytes.number(1) : std::nullopt;
    auto value = type ? take_value(bytes, *type) : std::nullopt;
    if (!value) return false;
    if (*type != kString) continue;
    if (*name == ":message-type") event.message_type = *value;
    if (*name == ":event-type" || *name == ":exception-type") event.event_type = *value;
    if (*name == ":error-code") event.error_code = *value;
    if (*name == ":error-message") event.error_message = *value;
  }
  return true;
}

}  // namespace

core::Outcome<void> EventReader::feed(std::string_view bytes, const std::function<void(const StreamEvent&)>& on_event) {
  waiting_ += bytes;
  std::string_view rest = waiting_;
  while (rest.size() >= kPreludeBytes) {
    Bytes prelude{rest};
    std::size_t total = *prelude.number(4), header_bytes = *prelude.number(4);
    std::uint32_t sum = *prelude.number(4);
    if (sum != crc32(rest.substr(0, 8))) return fail(Errc::protocol, "an event's prelude has a wrong checksum");
    if (total < kPreludeBytes + kSumBytes || total > kMaxEventBytes || header_bytes > kMaxHeaderBytes ||
        header_bytes > total - kPreludeBytes - kSumBytes) {
      return fail(Errc::protocol, "an event of " + std::to_string(total) + " bytes with " +
                                      std::to_string(header_bytes) + " of headers cannot be");
    }
    if (rest.size() < total) break;
    auto whole = rest.substr(0, total);
    Bytes end{whole.substr(total - kSumBytes)};
    if (*end.number(4) != crc32(whole.substr(0, total - kSumBytes)))
      return fail(Errc::protocol, "an event has a wrong checksum");
    StreamEvent event;
    if (!read_headers(whole.substr(kPreludeBytes, header_bytes), event))
      return fail(Errc::protocol, "an event has headers without sense");
    event.payload = whole.substr(kPreludeBytes + header_bytes, total - kPreludeBytes - header_bytes - kSumBytes);
    on_event(event);
    rest.remove_prefix(total);
  }
  waiting_.erase(0, waiting_.size() - rest.size());
  return {};
}

}  // namespace mayfly::emulator::cli
