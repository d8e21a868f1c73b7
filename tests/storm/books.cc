#include "books.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace storm {
namespace {

std::uint64_t number_behind(std::string_view text, std::string_view name) {
  auto at = text.find(name);
  return at == text.npos ? 0 : std::strtoull(std::string(text.substr(at + name.size(), 24)).c_str(), nullptr, 10);
}

// "5-9, 17": at most a dozen of them.
std::string ranges(const std::vector<Number>& numbers) {
  std::string out;
  std::size_t told = 0;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t j = i + 1;
    while (j < numbers.size() && numbers[j] == numbers[j - 1] + 1) ++j;
    if (++told > 12) return out + ", ...";
    out += (out.empty() ? "" : ", ") + std::to_string(numbers[i]);
    if (j - i > 1) out += "-" + std::to_string(numbers[j - 1]);
    i = j;
  }
  return out;
}

// Where the daemon counts a batch that was refused with this status.
std::string cause_of(int status) {
  if (status == 401 || status == 403) return "auth";
  return status < 400 ? "http_3xx" : status < 500 ? "http_4xx" : "http_5xx";
}

// What became of one number at the backend.
struct Fate {
  std::uint8_t kept = 0;     // by so many requests
  std::uint8_t certain = 0;  // of these, whose answer was read
  bool refused = false;      // for good, and the answer was read
  std::uint8_t rejected = 0;
};

}  // namespace

Losses read_losses(const std::string& errors, int port) {
  Losses losses;
  auto at = errors.find("some telemetry was lost");
  if (at == errors.npos) return losses;
  std::string_view line(errors);
  line.remove_prefix(at);
  line = line.substr(0, line.find('\n'));
  losses.told = true;
  losses.received = number_behind(line, "\"received\":");
  losses.malformed = number_behind(line, "\"malformed\":");
  auto begin = line.find("\"where\":\"");
  if (begin == line.npos) return losses;
  line.remove_prefix(begin + 9);
  line = line.substr(0, line.find('"'));
  // "DESTINATION CAUSE COUNT, ..."
  const std::string destination = ":" + std::to_string(port) + "/";
  while (!line.empty()) {
    auto comma = std::min(line.find(", "), line.size());
    auto part = line.substr(0, comma);
    line.remove_prefix(std::min(comma + 2, line.size()));
    if (part.find(destination) == part.npos) continue;
    auto last = part.rfind(' ');
    auto middle = part.rfind(' ', last - 1);
    losses.causes[std::string(part.substr(middle + 1, last - middle - 1))] +=
        std::strtoull(std::string(part.substr(last + 1)).c_str(), nullptr, 10);
  }
  return losses;
}

std::string describe(const std::vector<Request>& requests) {
  constexpr const char* kVerdicts[] = {"taken", "refused", "later", "unknown"};
  std::string out;
  for (const auto& request : requests) {
    out.append(kVerdicts[static_cast<std::size_t>(request.verdict)]).append(request.seen ? ", seen, " : ", ");
    out.append(to_string(request.fault)).append(request.status ? " " + std::to_string(request.status) : "");
    for (auto [name, list] :
         {std::pair("kept", &request.kept), {"rejected", &request.rejected}, {"others", &request.others}}) {
      if (!list->empty()) out.append("; ").append(name).append(" ").append(ranges(*list));
    }
    out += '\n';
  }
  return out;
}

void Books::close(const Environment& environment) {
  if (environment.lives.empty()) return;
  const Number first = environment.lives.front().first, end = environment.lives.back().end;
  auto complain = [&](const std::string& text) {
    complaints_.push_back("records " + std::to_string(first) + "-" + std::to_string(end - 1) + ": " + text);
  };

  // What the backend has, by number, and what it refused, by cause.
  std::vector<Fate> fates(end - first);
  Counts refused, perhaps_refused;
  std::vector<Number> refused_again;
  for (const auto& request : environment.requests) {
    ++sums_.requests;
    for (auto* list : {&request.kept, &request.rejected, &request.others}) {
      for (auto number : *list) {
        if (number >= first && number < end) continue;
        return complain("the backend got " + std::to_string(number) + ", which is none of them");
      }
    }
    const bool for_good = request.verdict == Request::Verdict::refused && request.seen;
    for (auto number : request.others) {
      auto& fate = fates[number - first];
      if (std::exchange(fate.refused, fate.refused || for_good)) refused_again.push_back(number);
    }
    for (auto number : request.kept) {
      auto& fate = fates[number - first];
      if (fate.refused) refused_again.push_back(number);
      ++fate.kept;
      fate.certain += request.verdict == Request::Verdict::taken && request.seen ? 1 : 0;
    }
    auto& counted = request.seen ? refused : perhaps_refused;
    if (!request.rejected.empty()) counted["rejected"] += request.rejected.size();
    if (request.verdict == Request::Verdict::refused && !request.others.empty()) {
      counted[cause_of(request.status)] += request.others.size();
    }
  }

  // A life that is killed has told nobody of what it dropped: the next one calls all
  // of it killed. And a segment that it was sending is sent again in whole.
  const auto killed = std::ranges::count(environment.lives, true, &Life::killed);
  const bool repeats = killed > (environment.lives.front().killed ? 1 : 0);

  Counts dropped;
  std::uint64_t uncertain = 0, in_doubt = 0;
  std::vector<Number> missing, died, twice;
  for (const auto& life : environment.lives) {
    std::uint64_t acknowledged = 0, unclear = 0;
    for (Number number = life.first; number < life.end; ++number) {
      const auto& fate = fates[number - first];
      bool given = life.acknowledged[number - life.first];
      ++(given ? acknowledged : unclear);
      if (fate.kept > 0) {
        ++sums_.kept;
        sums_.duplicates += fate.kept - 1U;
        if (fate.certain > 1) twice.push_back(number);
        if (fate.certain == 0) ++uncertain;
      } else if (!given) {
        ++in_doubt;  // the daemon may have counted it or never seen it
      } else if (life.killed && !environment.kills_are_counted) {
        died.push_back(number);
      } else {
        missing.push_back(number);
      }
    }
    sums_.acknowledged += acknowledged;
    sums_.unacknowledged += unclear;
    const auto& told = life.losses;
    for (const auto& [cause, count] : told.causes) dropped[cause] += count;
    if (life.killed) continue;
    if (told.malformed != life.malformed) {
      complain(std::to_string(told.malformed) + " are counted as malformed, " + std::to_string(life.malformed) +
               " were");
    }
    auto received = told.received - told.malformed;
    if (told.told && (received < acknowledged || received > acknowledged + unclear)) {
      complain(std::to_string(received) + " are counted as received, " + std::to_string(acknowledged) +
               " were acknowledged");
    }
  }
  sums_.uncertain += uncertain;
  sums_.missing += missing.size() + died.size();
  sums_.died += died.size();
  std::uint64_t counted = 0;
  for (const auto& [cause, count] : dropped) {
    sums_.dropped[cause] += count;
    counted += count;
  }

  if (!twice.empty() && !repeats) complain("sent again after an answer that had been read: " + ranges(twice));
  if (!refused_again.empty() && !repeats) {
    complain("sent again after they had been refused for good: " + ranges(refused_again));
  }
  if (missing.size() > counted) {
    complain(std::to_string(missing.size()) + " are missing and " + std::to_string(counted) +
             " are counted: " + ranges(missing));
  }
  if (counted > missing.size() + died.size() + uncertain + in_doubt && !repeats) {
    complain(std::to_string(counted) + " are counted as dropped, but only " +
             std::to_string(missing.size() + died.size()) + " are missing and " + std::to_string(uncertain) +
             " uncertain");
  }
  for (const char* cause : {"rejected", "http_3xx", "http_4xx", "http_5xx", "auth"}) {
    auto ours = dropped[cause], least = refused[cause], most = least + perhaps_refused[cause];
    if (killed > 0) least = 0;
    if (ours >= least && ours <= most) continue;
    complain(std::to_string(ours) + " are counted as " + cause + ", the backend did so to " + std::to_string(least) +
             " and perhaps " + std::to_string(most - least) + " more");
  }
}

}  // namespace storm
