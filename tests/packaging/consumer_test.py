"""A user's project (consumer/) builds, packages and runs a function, with an
installed Mayfly and with a checkout of it, and without curl or simdjson of its own.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import zipfile

import rie
from elf import Elf

RELEASE = pathlib.Path(os.environ["MAYFLY_RELEASE"])
CONSUMER = pathlib.Path(__file__).parent / "consumer"
NOTHING_INSTALLED = ["-DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_simdjson=ON"]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}")


class ConsumerTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def build_consumer(self, *options):
        build = self.folder / "build"
        run("cmake", "-S", CONSUMER, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
            "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache", *NOTHING_INSTALLED, *options)
        run("cmake", "--build", build, "--target", "package_hello", "package_handler")
        return build

    def check_function(self, build):
        task = self.folder / "task"
        run("unzip", "-q", build / "hello.zip", "-d", task)
        program = Elf((task / "bootstrap").read_bytes())
        self.assertLessEqual(program.newest_glibc(), (2, 34))
        self.assertTrue(program.has_symbol_table, "stack traces have no names")
        with rie.Rie([task / "bootstrap"], folder=task) as emulator:
            self.assertEqual(json.loads(emulator.invoke('{"name":"Ada"}')), {"text": "good day, Ada", "length": 6.5})

    def test_find_package_gives_library_and_packaging_from_wherever_it_was_installed(self):
        run("cmake", "--install", RELEASE, "--prefix", self.folder / "installed")
        moved = self.folder / "moved"
        (self.folder / "installed").rename(moved)
        build = self.build_consumer(f"-DCMAKE_PREFIX_PATH={moved}")
        self.check_function(build)
        self.assertEqual(zipfile.ZipFile(build / "handler.zip").namelist(), ["handler.so"])

    def test_add_subdirectory_gives_the_same(self):
        sources = rie.CHECKOUT / "build" / "deps"  # no second download
        self.check_function(self.build_consumer(f"-DMAYFLY_CHECKOUT={rie.CHECKOUT}", f"-DMAYFLY_DEPS_DIR={sources}"))


if __name__ == "__main__":
    unittest.main()
