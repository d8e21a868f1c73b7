// Names of functions from their addresses, read from the ELF files on disk.
//
// dladdr(3) sees exported functions only, and a program exports none. The full
// table .symtab is not loaded into memory, so it is read from the file; a few
// dozen microseconds, on the way of an error only. Release builds keep it
// (strip --strip-debug).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mayfly::runtime {

class SymbolNames {
 public:
  SymbolNames();
  ~SymbolNames();
  SymbolNames(const SymbolNames&) = delete;
  SymbolNames& operator=(const SymbolNames&) = delete;

  // "price(Order const&)+0x4f"; "/var/task/bootstrap+0x1a2b" without a symbol,
  // "0x7f..." outside of every file.
  std::string name_of(std::uintptr_t address);

 private:
  struct Module;
  std::vector<Module> modules_;
};

}  // namespace mayfly::runtime
