"""A user's project (consumer/) builds, packages and runs a function, with an
installed Mayfly and with a checkout of it, and without curl or simdjson of its own.
"""

import json
import pathlib
import shutil
import tempfile
import unittest
import zipfile

import consumer
import rie
from elf import Elf


class ConsumerTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def check_function(self, build):
        task = consumer.unpack(build / "hello.zip", self.folder / "task")
        program = Elf((task / "bootstrap").read_bytes())
        self.assertLessEqual(program.newest_glibc(), (2, 34))
        self.assertTrue(program.has_symbol_table, "stack traces have no names")
        with rie.Rie([task / "bootstrap"], folder=task) as emulator:
            self.assertEqual(json.loads(emulator.invoke('{"name":"Ada"}')), {"text": "good day, Ada", "length": 6.5})

    def test_find_package_gives_library_and_packaging_wherever_it_was_moved(self):
        build = consumer.build_installed(self.folder)
        self.check_function(build)
        self.assertEqual(zipfile.ZipFile(build / "handler.zip").namelist(), ["handler.so"])

    def test_add_subdirectory_gives_the_same(self):
        deps = rie.CHECKOUT / "build" / "deps"  # no second download
        self.check_function(consumer.build(self.folder, f"-DMAYFLY_CHECKOUT={rie.CHECKOUT}", f"-DMAYFLY_DEPS_DIR={deps}"))


if __name__ == "__main__":
    unittest.main()
