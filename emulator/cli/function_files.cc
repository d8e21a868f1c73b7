#include "emulator/cli/function_files.h"

#include "emulator/entrypoint.h"

namespace mayfly::emulator::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds kQuiet{200};

bool lies_in(const fs::path& file, const fs::path& folder) {
  auto from_there = file.lexically_relative(folder);
  return !from_there.empty() && *from_there.begin() != "..";
}

std::string age_text(std::chrono::milliseconds age) {
  auto number = std::max<std::int64_t>(age.count(), 0);
  if (number < 1'000) return std::to_string(number) + " ms old";
  number /= 1'000;
  if (number < 120) return std::to_string(number) + " s old";
  if (number < 120 * 60) return std::to_string(number / 60) + " min old";
  if (number < 48 * 3'600) return std::to_string(number / 3'600) + " h old";
  return std::to_string(number / 86'400) + " days old";
}

}  // namespace

core::Outcome<std::unique_ptr<FileWatch>> watch_function(boost::asio::io_context& io, const Settings& settings,
                                                         const Changes& changes,
                                                         std::function<void(std::string what)> on_change) {
  auto folder = settings.task_root.lexically_normal();
  auto program = find_program(settings.command.front(), folder).lexically_normal();
  auto watch = std::make_unique<FileWatch>(io, kQuiet, [=, tell = std::move(on_change)](const auto& changed) {
    tell(changed_text(changed, program, folder));
  });
  for (const auto& output : changes.outputs) watch->ignore(output);
  if (auto added = watch->add_file(program); !added) return unexpected(added.error());
  if (!changes.reload) return watch;

  auto tree = lies_in(program, folder) ? program.parent_path() : folder;
  if (auto added = watch->add_tree(tree); !added) return unexpected(added.error());
  for (const auto& extensions : settings.extension_folders) {
    if (auto added = watch->add_tree(extensions); !added) return unexpected(added.error());
  }
  for (const auto& file : changes.settings) {
    if (auto added = watch->add_file(file); !added) return unexpected(added.error());
  }
  return watch;
}

std::string changed_text(const std::set<fs::path>& changed, const fs::path& program, const fs::path& folder) {
  if (changed.empty()) return {};
  auto file = changed.contains(program) ? program : *changed.begin();
  std::string text = lies_in(file, folder) ? "./" + file.lexically_relative(folder).string() : file.string();
  if (changed.size() > 1) text += " and " + std::to_string(changed.size() - 1) + " more";
  std::error_code error;
  auto written = fs::last_write_time(file, error);
  if (error) return text;
  auto age = fs::file_time_type::clock::now() - written;
  return text + " (" + age_text(std::chrono::duration_cast<std::chrono::milliseconds>(age)) + ")";
}

}  // namespace mayfly::emulator::cli
