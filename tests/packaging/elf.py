"""What an ELF file asks of the machine it runs on: a reading of its own, so that
a fault in cmake/elf.cmake does not hide itself."""

import struct

MACHINES = {62: "x86_64", 183: "arm64"}


class Elf:
    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no 64-bit little-endian ELF file")
        self._data = data
        (machine,) = struct.unpack_from("<H", data, 18)
        self.machine = MACHINES.get(machine, machine)
        (self._sections_at,) = struct.unpack_from("<Q", data, 40)
        self._entry_bytes, self._count = struct.unpack_from("<HH", data, 58)
        sections = [self._section(index) for index in range(self._count)]
        # By section (type, offset, size, link) where the CMake reader goes by segment.
        self.has_symbol_table = any(kind == 2 for kind, *_ in sections)
        self.needed, self.versions = [], set()
        for kind, offset, size, link in sections:
            strings = sections[link][1]
            if kind == 6:  # SHT_DYNAMIC
                for at in range(offset, offset + size, 16):
                    tag, value = struct.unpack_from("<QQ", data, at)
                    if tag == 1:
                        self.needed.append(self._string(strings + value))
            elif kind == 0x6FFFFFFE:  # SHT_GNU_verneed
                self._read_versions(offset, strings)

    def _section(self, index):
        at = self._sections_at + index * self._entry_bytes
        kind, offset, size, link = (struct.unpack_from(form, self._data, at + place)[0]
                                    for form, place in (("<I", 4), ("<Q", 24), ("<Q", 32), ("<I", 40)))
        return kind, offset, size, link

    def _string(self, at):
        return self._data[at:self._data.index(b"\0", at)].decode()

    def _read_versions(self, need, strings):
        while True:
            _, count, _, aux, next_need = struct.unpack_from("<HHIII", self._data, need)
            at = need + aux
            for _ in range(count):
                _, _, _, name, next_aux = struct.unpack_from("<IHHII", self._data, at)
                self.versions.add(self._string(strings + name))
                at += next_aux
            if not next_need:
                return
            need += next_need

    def newest_glibc(self):
        """As a tuple, (2, 34); (0,) for a static program."""
        versions = [tuple(map(int, name[6:].split("."))) for name in self.versions
                    if name.startswith("GLIBC_") and name[6:7].isdigit()]
        return max(versions, default=(0,))
