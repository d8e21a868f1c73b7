// Bytes that are nobody's business: wiped when they go, never copied by accident,
// without operator<< and without a way to become a std::string unnoticed.

#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace mayfly::telemetry {

class Secret {
 public:
  // Readable behind reveal(), so that JSON in it can be parsed where it lies.
  static constexpr std::size_t kPadding = 64;

  Secret() = default;
  explicit Secret(std::string_view bytes) { append(bytes); }
  Secret(Secret&& other) noexcept
      : bytes_(std::move(other.bytes_)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Secret() { wipe(); }

  void append(std::string_view bytes);
  Secret copy() const { return Secret(reveal()); }
  bool empty() const { return size_ == 0; }
  bool operator==(const Secret& other) const { return reveal() == other.reveal(); }

  // For whoever sends it. Lives until the next append().
  std::string_view reveal() const { return {bytes_.get(), size_}; }

 private:
  void wipe();

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// Overwrites memory of ours that a read-only view points into.
void wipe(std::string_view bytes);

}  // namespace mayfly::telemetry
