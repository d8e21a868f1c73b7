// The members of an object whose names are data, in the order of the text: for
// events, where a map that allocates a node for each would cost more than reading
// them.

#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace mayfly::json {

template <class T>
struct Member {
  std::string_view name;
  T value;
};

// Reading one keeps views into the document. T may be incomplete where a Members<T>
// is declared, so that values can hold values.
template <class T>
class Members {
 public:
  using key_type = std::string_view;
  using mapped_type = T;
  using value_type = Member<T>;

  // The last of that name, or null.
  const T* find(std::string_view name) const {
    for (auto i = members_.size(); i-- > 0;) {
      if (members_[i].name == name) return &members_[i].value;
    }
    return nullptr;
  }

  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }
  std::size_t size() const { return members_.size(); }
  bool empty() const { return members_.empty(); }

  void clear() { members_.clear(); }
  // Appends: an earlier member of that name stays, behind this one's back.
  void insert_or_assign(std::string_view name, T value) { members_.push_back({name, std::move(value)}); }

 private:
  std::vector<value_type> members_;
};

}  // namespace mayfly::json
