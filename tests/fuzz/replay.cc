// Runs a fuzz target over seeds without a fuzzer, as an ordinary test: each file
// given, or in a folder given, whole and cut after every byte. So what a fuzzer
// once found stays found on machines that have none.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

namespace {

// Longer seeds are cut at fewer places.
constexpr std::size_t kMostCuts = 4'096;

void run(const std::vector<std::uint8_t>& seed, std::size_t size) {
  // A copy of exactly that size, so that address sanitizer sees each byte read behind it.
  std::unique_ptr<std::uint8_t[]> bytes(new std::uint8_t[size]);
  std::copy_n(seed.begin(), size, bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), size);
}

void replay(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<std::uint8_t> seed{std::istreambuf_iterator<char>(in), {}};
  std::size_t step = seed.size() / kMostCuts + 1;
  for (std::size_t size = 0; size < seed.size(); size += step) run(seed, size);
  run(seed, seed.size());
}

}  // namespace

int main(int argc, char** argv) {
  int seeds = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      replay(argv[i]);
      ++seeds;
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      replay(entry.path());
      ++seeds;
    }
  }
  std::printf("%d seeds\n", seeds);
  return seeds > 0 ? 0 : 1;
}
