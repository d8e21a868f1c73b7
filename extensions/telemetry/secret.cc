#include "extensions/telemetry/secret.h"

#include <algorithm>
#include <cstring>

namespace mayfly::telemetry {

void Secret::append(std::string_view bytes) {
  if (size_ + bytes.size() > capacity_) {
    std::size_t capacity = std::max(2 * capacity_, size_ + bytes.size());
    auto grown = std::make_unique<char[]>(capacity + kPadding);
    std::copy_n(bytes_.get(), size_, grown.get());
    auto size = size_;
    wipe();
    bytes_ = std::move(grown);
    size_ = size;
    capacity_ = capacity;
  }
  std::ranges::copy(bytes, bytes_.get() + size_);
  size_ += bytes.size();
}

void Secret::wipe() {
  if (bytes_) explicit_bzero(bytes_.get(), capacity_);
  size_ = 0;
}

void wipe(std::string_view bytes) { explicit_bzero(const_cast<char*>(bytes.data()), bytes.size()); }

}  // namespace mayfly::telemetry
