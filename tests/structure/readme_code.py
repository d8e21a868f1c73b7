"""The programs in READMEs compile as they stand there."""

import pathlib
import re
import subprocess
import sys

compiler, root = sys.argv[1], pathlib.Path(sys.argv[2])
includes = [f"-I{root / room / 'include'}" for room in ("core", "runtime", "extensions")]
programs = failures = 0
for readme in sorted(root.glob("*.md")) + sorted(root.glob("[a-z]*/README.md")):
    for block in re.findall(r"```cpp\n(.*?)```", readme.read_text(), re.S):
        if "int main()" not in block:
            continue  # a part of one
        programs += 1
        done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", *includes, "-x", "c++", "-"], input=block,
                              capture_output=True, text=True)
        if done.returncode:
            failures += 1
            print(f"{readme.relative_to(root)}:\n{block}\n{done.stderr}")
if not programs:
    sys.exit("no README has a program: this test looks in the wrong place")
sys.exit(failures > 0)
