"""The C++ of READMEs compiles as it stands there: all of one in one file, as a
careful user would compile it. Another main() begins another file."""

import pathlib
import re
import subprocess
import sys

compiler, root = sys.argv[1], pathlib.Path(sys.argv[2])
command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
           *(f"-I{root / room / 'include'}" for room in ("core", "runtime", "extensions")), "-x", "c++", "-"]
blocks = failures = 0
for readme in sorted([*root.glob("*.md"), *root.glob("[a-z]*/README.md"), *root.glob("examples/*/README.md")]):
    code = re.findall(r"```cpp\n(.*?)```", readme.read_text(), re.S)
    blocks += len(code)
    files = [[]]
    for block in code:
        if "int main(" in block and any("int main(" in before for before in files[-1]):
            files.append([])
        files[-1].append(block)
    for file in files:
        done = subprocess.run(command, input="\n".join(file), capture_output=True, text=True)
        if done.returncode:
            failures += 1
            print(f"{readme.relative_to(root)}:\n{done.stderr}")
if not blocks:
    sys.exit("no README has C++: this test looks in the wrong place")
sys.exit(failures > 0)
