"""./dev in a folder of its own, with the machine's tools replaced: what it says,
what it would install, and that a machine which has everything is left alone.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

DEV = pathlib.Path(__file__).resolve().parents[2] / "dev"
REAL = ("bash", "env", "dirname", "readlink", "cat", "awk", "mkdir", "ls", "nproc")
PACKAGES = set(" ".join(re.findall(r"^\w+_packages=\(([^)$]*)\)", DEV.read_text(), re.MULTILINE)).split())


class DevTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mayfly-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        shutil.copy(DEV, self.folder / "dev")
        for name in REAL:
            (self.tools / name).symlink_to(shutil.which(name))
        self.tool("sudo", '[ "$1" = -n ] || exec "$@"')
        self.tool("cmake", 'echo "cmake $*" >>called')

    def tool(self, name, text):
        path = self.tools / name
        path.write_text(f"#!{self.tools}/bash\n{text}\n")
        path.chmod(0o755)

    def installed(self, packages):
        self.tool("dpkg-query", "cat <<LIST\n" + "".join(f"installed {name}\n" for name in packages) + "LIST")

    def dev(self, *words):
        return subprocess.run([self.folder / "dev", *words], env={"PATH": str(self.tools)}, capture_output=True, text=True)

    def called(self):
        record = self.folder / "called"
        return record.read_text().splitlines() if record.exists() else []

    def test_alone_or_asked_for_help_it_says_what_it_can_do_and_does_nothing(self):
        commands = re.findall(r"^dev_(\w+)\(\)", DEV.read_text(), re.MULTILINE)
        for words in [], ["help"], ["--help"], ["test", "--help"], ["release", "-h"]:
            done = self.dev(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            for command in commands:
                self.assertRegex(done.stdout, rf"(?m)^  {command} +\w", words)
        self.assertEqual(self.called(), [])

    def test_a_word_that_it_does_not_know_is_named(self):
        for words, said in ((["tset"], "./dev tset: no such command"), (["release", "now"], "not 'now'")):
            done = self.dev(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(said, done.stderr)
        self.assertEqual(self.called(), [])

    def test_where_it_cannot_install_it_prints_the_line_that_installs_everything(self):
        self.installed(PACKAGES - {"zip"})
        done = self.dev("release")
        self.assertEqual(done.returncode, 2)
        self.assertIn("Missing: zip.", done.stderr)
        line = done.stderr.splitlines()[-1]
        self.assertTrue(line.startswith("apt-get update && apt-get install -y --no-install-recommends "), line)
        self.assertEqual(set(line.split("--no-install-recommends ")[1].split()), PACKAGES)
        self.assertEqual(self.called(), [])

    def test_it_installs_what_is_missing_and_nothing_else(self):
        self.installed(PACKAGES - {"zip", "valgrind"})  # valgrind: of other commands
        self.tool("apt-get", 'echo "apt-get $*" >>called')
        self.dev("release")
        install = [line for line in self.called() if line.startswith("apt-get install")]
        self.assertEqual([line.split("--no-install-recommends ")[1] for line in install], ["zip"])

    def test_a_machine_that_has_everything_is_only_asked_to_build(self):
        self.installed(PACKAGES)
        self.tool("apt-get", 'echo "apt-get $*" >>called')
        self.dev("release")
        self.assertEqual([line.split(" -j")[0] for line in self.called()],
                         ["cmake --preset release", "cmake --build --preset release"])


if __name__ == "__main__":
    unittest.main()
