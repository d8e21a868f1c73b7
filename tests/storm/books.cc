#include "books.h"

#include <algorithm>
#include <cstdlib>

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
std::string cause_of(int status) { return status < 400 ? "http_3xx" : status < 500 ? "http_4xx" : "http_5xx"; }

// What became of one number at the backend.
struct Fate {
  std::uint8_t kept = 0;     // by so many requests, as all below
  std::uint8_t certain = 0;  // of these, whose answer was read
  std::uint8_t rejected = 0;
};

}  // namespace

Losses read_losses(const std::string& errors) {
  Losses losses;
  auto at = errors.find("some telemetry was lost");
  if (at == errors.npos) return losses;
  std::string_view line(errors);
  line.remove_prefix(at);
  line = line.substr(0, line.find('\n'));
  losses.told = true;
  losses.received = number_behind(line, "\"received\":");
  losses.malformed = number_behind(line, "\"malformed\":");
  losses.dropped = number_behind(line, "\"dropped\":");
  auto begin = line.find("\"where\":\"");
  if (begin == line.npos) return losses;
  line.remove_prefix(begin + 9);
  line = line.substr(0, line.find('"'));
  // "DESTINATION CAUSE COUNT, ..."
  while (!line.empty()) {
    auto comma = std::min(line.find(", "), line.size());
    auto part = line.substr(0, comma);
    line.remove_prefix(std::min(comma + 2, line.size()));
    auto last = part.rfind(' ');
    auto middle = part.rfind(' ', last - 1);
    losses.causes[std::string(part.substr(middle + 1, last - middle - 1))] +=
        std::strtoull(std::string(part.substr(last + 1)).c_str(), nullptr, 10);
  }
  return losses;
}

void Books::close(const Life& life, const std::vector<Request>& requests, const Losses& losses) {
  auto complain = [&](const std::string& text) {
    complaints_.push_back("records " + std::to_string(life.first) + "-" + std::to_string(life.end - 1) + ": " + text);
  };
  auto outside = [&](Number number) { return number < life.first || number >= life.end; };

  // What the backend has, by number, and what it refused, by cause.
  std::vector<Fate> fates(life.end - life.first);
  std::map<std::string, std::uint64_t, std::less<>> refused, perhaps_refused;
  bool blind = false;
  for (const auto& request : requests) {
    ++sums_.requests;
    blind = blind || request.blind;
    for (auto* list : {&request.kept, &request.rejected, &request.others}) {
      for (auto number : *list) {
        if (outside(number)) return complain("the backend got " + std::to_string(number) + ", which nobody sent");
      }
    }
    for (auto number : request.kept) {
      auto& fate = fates[number - life.first];
      ++fate.kept;
      fate.certain += request.verdict == Request::Verdict::taken && request.seen ? 1 : 0;
    }
    for (auto number : request.rejected) ++fates[number - life.first].rejected;
    auto& counted = request.seen ? refused : perhaps_refused;
    if (!request.rejected.empty()) counted["rejected"] += request.rejected.size();
    if (request.verdict == Request::Verdict::refused && !request.others.empty()) {
      counted[cause_of(request.status)] += request.others.size();
    }
  }

  std::uint64_t acknowledged = 0, missing = 0, uncertain = 0, in_doubt = 0;
  std::vector<Number> missing_numbers, twice;
  for (Number number = life.first; number < life.end; ++number) {
    const auto& fate = fates[number - life.first];
    bool given = life.acknowledged[number - life.first];
    acknowledged += given ? 1 : 0;
    if (fate.kept > 0) {
      ++sums_.kept;
      sums_.duplicates += fate.kept - 1U;
      // Sent again although an answer that settled it had been read.
      if (fate.certain > 1) twice.push_back(number);
      if (fate.certain == 0) ++uncertain;
    } else if (given) {
      ++missing;
      missing_numbers.push_back(number);
    } else {
      ++in_doubt;  // not acknowledged: the daemon may have counted it or never seen it
    }
  }
  sums_.acknowledged += acknowledged;
  sums_.unacknowledged += life.end - life.first - acknowledged;
  sums_.uncertain += uncertain;
  sums_.missing += missing;
  if (!twice.empty()) complain("sent again after an answer that had been read: " + ranges(twice));

  if (life.killed) {
    sums_.killed += missing;
    return;
  }
  for (const auto& [cause, count] : losses.causes) sums_.dropped[cause] += count;

  if (missing > losses.dropped) {
    complain(std::to_string(missing) + " are missing and " + std::to_string(losses.dropped) +
             " are counted: " + ranges(missing_numbers));
  }
  if (losses.dropped > missing + uncertain + in_doubt) {
    complain(std::to_string(losses.dropped) + " are counted as dropped, but only " + std::to_string(missing) +
             " are missing and " + std::to_string(uncertain) + " uncertain");
  }
  if (losses.told && losses.malformed != life.malformed) {
    complain(std::to_string(losses.malformed) + " are counted as malformed, " + std::to_string(life.malformed) +
             " were");
  }
  if (!losses.told && life.malformed > 0) complain(std::to_string(life.malformed) + " malformed ones are not told");
  auto received = losses.received - losses.malformed;
  if (losses.told && (received < acknowledged || received > acknowledged + in_doubt)) {
    complain(std::to_string(received) + " are counted as received, " + std::to_string(acknowledged) +
             " were acknowledged");
  }
  if (blind) return;
  for (const char* cause : {"rejected", "http_3xx", "http_4xx", "http_5xx"}) {
    auto found = losses.causes.find(cause);
    auto ours = found == losses.causes.end() ? 0 : found->second;
    if (ours >= refused[cause] && ours <= refused[cause] + perhaps_refused[cause]) continue;
    complain(std::to_string(ours) + " are counted as " + cause + ", the backend did so to " +
             std::to_string(refused[cause]) + " and perhaps " + std::to_string(perhaps_refused[cause]) + " more");
  }
}

}  // namespace storm
