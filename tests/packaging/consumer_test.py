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

    def check_function(self, build, name="hello"):
        task = consumer.unpack(build / f"{name}.zip", self.folder / name)
        self.assertLessEqual(Elf((task / "bootstrap").read_bytes()).newest_glibc(), (2, 34))
        with rie.Rie([task / "bootstrap"], folder=task) as emulator:
            self.assertEqual(json.loads(emulator.invoke('{"name":"Ada"}')), {"text": "good day, Ada", "length": 6.5})
            error = json.loads(emulator.invoke('{"name":""}'))
        self.assertEqual(error["errorType"], "Visit.Nameless")
        self.assertTrue(any("Visit const&" in frame for frame in error["stackTrace"]), error)

    def test_find_package_gives_library_and_packaging_wherever_it_was_moved(self):
        build = consumer.build_installed(self.folder)
        self.check_function(build)
        self.check_function(build, "hello_static")
        self.assertEqual(zipfile.ZipFile(build / "handler.zip").namelist(), ["handler.so"])

    def test_each_example_builds_by_itself_as_its_readme_says(self):
        prefix = consumer.install(self.folder)
        for example in sorted((rie.CHECKOUT / "examples").glob("*/CMakeLists.txt")):
            with self.subTest(example.parent.name):
                build = self.folder / example.parent.name
                consumer.configure(example.parent, build, f"-DCMAKE_PREFIX_PATH={prefix}")
                consumer.run("cmake", "--build", build)
                if example.parent.name.startswith("extension"):
                    program, = (build / "extensions").iterdir()
                    self.assertLessEqual(Elf(program.read_bytes()).newest_glibc(), (2, 34))
                else:
                    consumer.run("cmake", "--build", build, "--target", f"package_{example.parent.name}")
                    self.assertEqual(zipfile.ZipFile(build / f"{example.parent.name}.zip").namelist(), ["bootstrap"])

    def test_add_subdirectory_gives_the_same(self):
        deps = rie.CHECKOUT / "build" / "deps"  # no second download
        self.check_function(consumer.build(self.folder, f"-DMAYFLY_CHECKOUT={rie.CHECKOUT}", f"-DMAYFLY_DEPS_DIR={deps}"))


if __name__ == "__main__":
    unittest.main()
