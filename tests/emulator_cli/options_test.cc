#include "emulator/cli/options.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <sstream>

#include "emulator/cli/spelling.h"

namespace mayfly::emulator::cli {
namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

Arguments parsed(const std::string& line, const Variables& variables = {}) {
  auto arguments = parse_arguments(words_of(line), variables);
  REQUIRE_MESSAGE(arguments.has_value(), line);
  return *arguments;
}

Refusal refused(const std::string& line, const Variables& variables = {}) {
  auto arguments = parse_arguments(words_of(line), variables);
  REQUIRE_MESSAGE(!arguments.has_value(), line);
  return arguments.error();
}

// A value that the option takes.
std::string fitting(const Option& option) {
  if (!option.choices.empty()) return std::string(option.choices.substr(0, option.choices.find('|')));
  if (option.low != option.high) return std::to_string(option.low);
  return "7";
}

CommandSet one_of(unsigned commands) {
  for (const Command& command : kCommands) {
    if (commands & command.bit) return command.bit;
  }
  return kNoCommand;
}

std::string name_of(CommandSet bit) {
  for (const Command& command : kCommands) {
    if (command.bit == bit) return std::string(command.name);
  }
  return "";
}

}  // namespace

TEST_CASE("every name and letter in the table is taken by its command") {
  for (std::size_t row = 0; row < kOptionCount; ++row) {
    const Option& option = kOptions[row];
    std::vector<std::string> spellings{"--" + std::string(option.name)};
    if (option.letter) spellings.push_back(std::string("-") + option.letter);
    for (const std::string& alias : words_of(std::string(option.aliases))) spellings.push_back("--" + alias);
    std::size_t target = row;
    for (std::size_t i = 0; i < kOptionCount; ++i) {
      if (kOptions[i].name == option.stands_for) target = i;
    }
    for (const std::string& spelling : spellings) {
      std::string line = name_of(one_of(option.commands)) + " " + spelling;
      if (!option.takes.empty()) line += " " + fitting(option);
      INFO(line);
      auto arguments = parsed(line);
      REQUIRE(arguments.settings[target].values.size() == 1);
      CHECK(arguments.settings[target].origin == spelling);
      if (option.stands_for.empty() && !option.takes.empty())
        CHECK(arguments.settings[target].values[0] == fitting(option));
    }
  }
}

TEST_CASE("a letter and a name mean one thing over all commands") {
  std::map<char, std::string_view> letters;
  std::set<std::string> names;
  for (const Option& option : kOptions) {
    if (option.letter) CHECK_MESSAGE(letters.emplace(option.letter, option.name).second, option.letter);
    CHECK_MESSAGE(names.insert(std::string(option.name)).second, option.name);
    for (const std::string& alias : words_of(std::string(option.aliases)))
      CHECK_MESSAGE(names.insert(alias).second, alias);
  }
  CHECK(letters['e'] == "event");
}

TEST_CASE("habits of other tools are understood") {
  CHECK(parsed("invoke -e event.json").text("payload") == "@event.json");
  CHECK(parsed("invoke --data-file event.json").text("payload") == "@event.json");
  CHECK(parsed("invoke -e -").text("payload") == "-");
  CHECK(parsed("invoke --data-ascii 7").text("payload") == "7");
  CHECK(parsed("invoke --invocation-type Event").given("async"));
  CHECK_FALSE(parsed("invoke --invocation-type RequestResponse").given("async"));
  CHECK(parsed("invoke --log-type Tail").given("tail"));
  CHECK(parsed("invoke --endpoint-url http://h:1").text("endpoint") == "http://h:1");
  CHECK(parsed("run --memory-size 256").number("memory") == 256);
  CHECK(parsed("run --function-name orders").text("name") == "orders");
  CHECK(parsed("run -p 8080").text("listen") == "8080");
}

TEST_CASE("values follow after a space, an equals sign or a letter") {
  CHECK(parsed("run --timeout 7").number("timeout") == 7);
  CHECK(parsed("run --timeout=7").number("timeout") == 7);
  CHECK(parsed("run -p7").text("listen") == "7");
  CHECK(parsed("run -vvq").count("verbose") == 2);
  CHECK(parsed("run -vvq").given("quiet"));
  CHECK(parsed("run --env A=1 --env=B=2").list("env") == std::vector<std::string>{"A=1", "B=2"});
  CHECK(parsed("run --timeout 7 --timeout 8").number("timeout") == 8);
}

TEST_CASE("what stands behind -- is not read") {
  auto arguments = parsed("run -q -- ./app --help -x");
  CHECK(arguments.command_line == std::vector<std::string>{"./app", "--help", "-x"});
  CHECK_FALSE(arguments.help);
  CHECK(parsed("run --").has_command_line);
}

TEST_CASE("options may stand before the command") { CHECK(parsed("--timeout 7 run").number("timeout") == 7); }

TEST_CASE("an option beats its variable, which beats those of other tools, which beat the default") {
  Variables none, theirs{{"AWS_LAMBDA_FUNCTION_TIMEOUT", "20"}};
  Variables both{{"AWS_LAMBDA_FUNCTION_TIMEOUT", "20"}, {"MAYFLY_TIMEOUT", "30"}};
  CHECK(parsed("run", none).number("timeout") == 3);
  CHECK(parsed("run", theirs).number("timeout") == 20);
  CHECK(parsed("run", both).number("timeout") == 30);
  CHECK(parsed("run --timeout 40", both).number("timeout") == 40);
  CHECK(parsed("run", both).settings[OptionRef("timeout").row].origin == "MAYFLY_TIMEOUT");
  CHECK_FALSE(parsed("run", both).asked("timeout"));
}

TEST_CASE("invoke calls where AWS_ENDPOINT_URL_LAMBDA says, else where run listens") {
  Variables listen{{"MAYFLY_LISTEN", "9111"}};
  Variables both{{"MAYFLY_LISTEN", "9111"}, {"AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9222"}};
  CHECK(parsed("invoke").text("endpoint") == "9000");
  CHECK(parsed("invoke", listen).text("endpoint") == "9111");
  CHECK(parsed("invoke", both).text("endpoint") == "http://127.0.0.1:9222");
}

TEST_CASE("each option that is not asked for has a variable of its own") {
  for (std::size_t row = 0; row < kOptionCount; ++row) {
    const Option& option = kOptions[row];
    if (option.only_when_asked || !option.stands_for.empty()) continue;
    std::string value = option.takes.empty() ? "1" : fitting(option);
    INFO(option.name);
    auto command = one_of(option.commands);
    CHECK(parsed(name_of(command), {{variable_of(option), value}}).settings[row].values ==
          std::vector<std::string>{value});
  }
}

TEST_CASE("an empty variable is none, 0 switches a flag off, lists have commas") {
  CHECK_FALSE(parsed("run", {{"MAYFLY_TIMEOUT", ""}}).given("timeout"));
  CHECK_FALSE(parsed("run", {{"MAYFLY_JSON", "0"}}).given("json"));
  CHECK(parsed("run", {{"MAYFLY_JSON", "1"}}).given("json"));
  CHECK(parsed("run", {{"MAYFLY_EXTENSIONS", "a,b"}}).list("extensions") == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a wrong value in a variable is reported with the variable's name") {
  CHECK(refused("run --timeout 901").message.why ==
        "it is a whole number from 1 to 900 (seconds)\nLambda says: 1 validation error detected: Value '901' at "
        "'timeout' failed to "
        "satisfy constraint: Member must have value less than or equal to 900");
  CHECK(refused("run --memory 64")
            .message.why.ends_with("Value '64' at 'memorySize' failed to satisfy constraint: Member must have value "
                                   "greater than or equal to 128"));
  CHECK(refused("run", {{"MAYFLY_TIMEOUT", "soon"}}).message.what == "MAYFLY_TIMEOUT cannot be 'soon'");
}

TEST_CASE("a typo is named with the word that was meant") {
  auto option = refused("run --lisen 9001").message;
  CHECK(option.what == "run has no option --lisen");
  CHECK(option.why == "did you mean --listen?");
  CHECK(option.try_this == "mayfly run --help");
  auto command = refused("rnu").message;
  CHECK(command.what == "mayfly has no command rnu");
  CHECK(command.why == "did you mean run?");
  CHECK(refused("run --view timelien").message.try_this == "--view timeline");
  CHECK(refused("run --nothing-like-it").message.why == "");
  CHECK(refused("--lisen 9001 run").message.what == "run has no option --lisen");
}

TEST_CASE("an option of another command is sent there") {
  CHECK(refused("run --payload 1").message.why == "it belongs to mayfly invoke");
  CHECK(refused("run --env-vars a").message.try_this == "--env NAME=VALUE or --env-file FILE");
}

TEST_CASE("values out of range and missing values are refused with what would do") {
  for (const char* line : {"run --timeout 0", "run --timeout 901", "run --timeout 3s", "run --timeout ''",
                           "run --memory 127", "run --memory 10241", "invoke --repeat 0", "run --view sideways"}) {
    INFO(line);
    CHECK(refused(line).code == kUsage);
    CHECK_FALSE(refused(line).message.why.empty());
  }
  CHECK(refused("run --timeout").message.what == "--timeout needs a value: SECONDS");
  CHECK(refused("run --listen --json").message.what == "--listen needs a value: [HOST:]PORT");
  CHECK(refused("run --json=yes").message.what == "--json takes no value");
}

TEST_CASE("help is asked for in four ways") {
  CHECK(parsed("").command == kNoCommand);
  CHECK(parsed("help").help);
  for (const char* line : {"help run", "run --help", "run -h", "--help run"}) {
    INFO(line);
    CHECK(parsed(line).help);
    CHECK(parsed(line).command == kRun);
  }
}

TEST_CASE("typing distance counts swaps of neighbours once") {
  CHECK(typing_distance("listen", "listen") == 0);
  CHECK(typing_distance("lisetn", "listen") == 1);
  CHECK(typing_distance("lisen", "listen") == 1);
  CHECK(typing_distance("", "abc") == 3);
  CHECK(nearest("x", {"q", "go"}).empty());
}

}  // namespace mayfly::emulator::cli
