#!/usr/bin/env python3
"""Which room may include which, held by reading every #include line.

core includes only itself; runtime, extensions and emulator include core and
never one another, so that the emulator and the runtime stay two independent
readings of the same documentation. Public headers bring no library with them:
users would pay its compile time and inherit a hidden dependency. Some headers
of the standard library cost more at start than all of our code.
"""

import pathlib
import re
import sys
import tempfile

ROOMS = ("core", "runtime", "extensions", "emulator")
LIBRARIES = re.compile(r"^(curl/|simdjson|boost/|protozero/|zstd|CLI/|doctest/)")
BANNED = {
    "iostream": "0.6 MB in a static program, and constructors before main",
    "regex": "std::regex: slow, and recursive on long input",
    "locale": "locale tables in every start",
}
BAN_ROOMS = ("core", "runtime", "extensions")
# Rooms inside the emulator, and which of the others each may know: the APIs know
# nothing of processes, processes nothing of invocations.
EMULATOR_ROOMS = {
    "sandbox": set(),
    "lifecycle": set(),
    "telemetry": {"lifecycle"},
    "apis": {"lifecycle", "telemetry"},
    "invoke": {"lifecycle", "telemetry"},
}
# The HTTP server is a target of its own: functions never link it.
BOOST_HEADERS = {"core/http_server/http_server.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def public_owners(root):
    """Maps "mayfly/x.h" to the room whose include/ folder holds it."""
    owners = {}
    for room in ROOMS:
        include = root / room / "include"
        for header in include.rglob("*.h"):
            owners[header.relative_to(include).as_posix()] = room
    return owners


def problems(root):
    owners = public_owners(root)
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix not in (".h", ".cc", ".hpp", ".cpp", ".c"):
                continue
            file = path.relative_to(root)
            public = "include" in file.parts
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                bracket, name = match.groups()
                where = f"{file}:{number}: {line.strip()}"
                # Brackets find our files too: the root is among the include folders.
                internal = name.split("/")[0] if name.split("/")[0] in (*ROOMS, "tests") else None
                owner = owners.get(name) or internal
                if owner is None and bracket == '"' and not (path.parent / name).exists():
                    yield f"{where}: quoted, but no file of ours"
                if ".." in name.split("/"):
                    yield f"{where}: leaves its folder by '..'"
                if owner in ROOMS and owner not in (room, "core"):
                    yield f"{where}: {room} must not know {owner}"
                inner, other = file.parts[1], name.split("/")[1] if owner == "emulator" else ""
                if inner in EMULATOR_ROOMS and other in EMULATOR_ROOMS.keys() - EMULATOR_ROOMS[inner] - {inner}:
                    yield f"{where}: emulator/{inner} must not know emulator/{other}"
                if inner != "cli" and other == "cli":
                    yield f"{where}: the emulator must not know its command line"
                if owner == "tests":
                    yield f"{where}: shipped code must not include tests"
                if public and internal:
                    yield f"{where}: a public header includes an internal one"
                if public and LIBRARIES.match(name):
                    yield f"{where}: a public header brings a library with it"
                if room == "core" and name.startswith("boost/") and file.parts[1] != "http_server":
                    yield f"{where}: in core only the HTTP server uses Boost"
                if room == "runtime" and (name.startswith("boost/") or "core/" + name.split("core/")[-1] in BOOST_HEADERS):
                    yield f"{where}: functions need no Boost"
                if room in BAN_ROOMS and bracket == "<" and name in BANNED:
                    yield f"{where}: banned: {BANNED[name]}"


SELF_TEST = {
    # file: (content, words expected in the one problem)
    "core/a.cc": ('#include "runtime/src/x.h"', "core must not know runtime"),
    "core/b.cc": ("#include <mayfly/runtime.h>", "core must not know runtime"),
    "core/c.cc": ("#include <boost/asio.hpp>", "only the HTTP server"),
    "core/d.cc": ("#include <iostream>", "banned"),
    "runtime/src/a.cc": ('#  include "emulator/x.h"', "runtime must not know emulator"),
    "runtime/src/b.cc": ('#include "core/http_server/http_server.h"', "no Boost"),
    "runtime/src/c.cc": ("#include <emulator/x.h>", "runtime must not know emulator"),
    "runtime/include/mayfly/runtime.h": ("#include <simdjson.h>", "brings a library"),
    "runtime/include/mayfly/b.h": ('#include "core/uri.h"', "internal one"),
    "runtime/include/mayfly/c.h": ("#include <core/uri.h>", "internal one"),
    "extensions/src/a.cc": ("#include <regex>", "banned"),
    "extensions/src/b.cc": ("#include <mayfly/runtime.h>", "extensions must not know runtime"),
    "emulator/a.cc": ('#include "runtime/src/x.h"', "emulator must not know runtime"),
    "emulator/b.cc": ('#include "nowhere.h"', "no file of ours"),
    "emulator/c.cc": ('#include "../core/uri.h"', "'..'"),
    "emulator/d.cc": ('#include "tests/core/loopback.h"', "include tests"),
    "emulator/e.cc": ("#include <iostream>\n#include <boost/asio.hpp>\n#include <mayfly/log.h>\n// #include <mayfly/runtime.h>", None),
    "emulator/apis/a.cc": ('#include "emulator/sandbox/process.h"', "emulator/apis must not know emulator/sandbox"),
    "emulator/apis/b.cc": ('#include "emulator/lifecycle/lifecycle.h"\n#include "emulator/settings.h"', None),
    "emulator/pool.cc": ('#include "emulator/cli/options.h"', "command line"),
    "emulator/cli/a.cc": ('#include "emulator/cli/options.h"\n#include "emulator/invoke/cors.h"', None),
    "core/include/mayfly/log.h": ("#include <string>", None),
    "core/uri.h": ("", None),
    "core/http_server/http_server.h": ("#include <boost/asio.hpp>", None),
}


def self_test():
    """Each rule finds the one file that breaks it, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, (content, _) in SELF_TEST.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        found = list(problems(root))
    for name, (_, words) in SELF_TEST.items():
        mine = [p for p in found if p.startswith(name + ":")]
        if words is None:
            assert not mine, mine
        else:
            assert len(mine) == 1 and words in mine[0], (name, words, mine)


def main(argument):
    if argument == "--self-test":
        return self_test()
    root = pathlib.Path(argument)
    for room in ROOMS:
        if not (root / room).is_dir():
            sys.exit(f"{root} has no folder {room}")
    found = list(problems(root))
    for problem in found:
        print(problem)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(sys.argv[1])
