// A typed function, with a file of its package.

#include <cstdio>
#include <string>

#include <mayfly/error.h>
#include <mayfly/runtime.h>

struct Visit {
  std::string name;
};

struct Greeting {
  std::string text;
  double length = 0;
};

std::string first_line(const char* path) {
  char line[80] = "";
  if (std::FILE* file = std::fopen(path, "r")) {
    if (!std::fgets(line, sizeof line, file)) line[0] = 0;
    std::fclose(file);
  }
  std::string text = line;
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

Greeting greet(const Visit& visit) {
  if (visit.name.empty()) throw mayfly::Error("Visit.Nameless", "a visitor has a name");
  std::string text = first_line("greeting.txt") + ", " + visit.name;
  return {text, 0.5 * static_cast<double>(text.size())};
}

int main() { return mayfly::run(greet); }
