#include <mayfly/stream.h>

#include <stdexcept>

namespace mayfly {
namespace {

// A prelude and a first write up to here go out together; a longer one is not
// worth the copy.
constexpr std::size_t kMaxJoinedBytes = 64 * 1024;

}  // namespace

void Writer::content_type(std::string_view type) {
  if (begun_) throw std::logic_error("mayfly::Writer: content_type() after the first bytes were sent");
  if (typed_) throw std::logic_error("mayfly::http::Writer: content-type belongs in head()");
  content_type_ = type;
}

Result<void> Writer::write(std::string_view bytes) {
  written_ = true;
  if (unsent_.empty() && bytes.size() >= gather_) return send(bytes);
  if (unsent_.size() + bytes.size() > kMaxJoinedBytes && bytes.size() >= gather_) {
    if (auto sent = flush(); !sent) return sent;
    return send(bytes);
  }
  unsent_ += bytes;
  return unsent_.size() >= gather_ ? flush() : Result<void>{};
}

Result<void> Writer::flush() {
  auto sent = send(unsent_);
  unsent_.clear();
  return sent;
}

Result<void> Writer::send(std::string_view bytes) {
  if (bytes.empty() && open_) return {};
  if (!begun_) sink_.begin(content_type_);
  begun_ = true;
  auto sent = sink_.write(bytes);
  open_ = sent.has_value();
  return sent;
}

void Writer::finish() {
  if (!begun_) sink_.begin(content_type_);
  begun_ = true;
  static_cast<void>(flush());
  sink_.end();
}

}  // namespace mayfly
