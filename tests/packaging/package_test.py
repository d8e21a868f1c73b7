"""mayfly_package(): what is in the zip, and what it refuses with which advice."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import zipfile

CMAKE = pathlib.Path(__file__).resolve().parents[2] / "cmake"
PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(functions LANGUAGES C)
include(%s/MayflyPackage.cmake)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_executable(good good.c)
mayfly_package(good NAME zips/good.zip FILES tool.sh data)

add_executable(newer newer.c)
mayfly_package(newer)
add_executable(newest newer.c)
add_custom_command(TARGET newest POST_BUILD COMMAND sed -i s/GLIBC_2.36/GLIBC_2.99/ $<TARGET_FILE:newest>)
mayfly_package(newest)
add_executable(newer_static newer.c)
target_link_options(newer_static PRIVATE -static)
mayfly_package(newer_static)

add_library(side SHARED good.c)
add_executable(needs_side good.c)
target_link_options(needs_side PRIVATE -Wl,--no-as-needed)
target_link_libraries(needs_side PRIVATE side stdc++)
mayfly_package(needs_side)
mayfly_package(side)

foreach(name foreign unknown truncated random sparse)
  add_executable(${name} good.c)
  mayfly_package(${name} FILES ${name}.file)
endforeach()
"""
CLASH = """
cmake_minimum_required(VERSION 3.25)
project(clash LANGUAGES C)
include(%s/MayflyPackage.cmake)
add_executable(function ../good.c)
mayfly_package(function FILES %s)
"""
GOOD = "int main(void) { return 0; }\n"
NEWER = "#include <stdlib.h>\nint main(void) { return (int)arc4random(); }\n"  # glibc 2.36
AARCH64, RISCV = 183, 243


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.build = cls.folder / "build"
        for name, text in {"CMakeLists.txt": PROJECT % CMAKE, "good.c": GOOD, "newer.c": NEWER,
                           "tool.sh": "#!/bin/sh\n", "data/deep/table.csv": "1,2\n"}.items():
            path = cls.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (cls.folder / "tool.sh").chmod(0o700)
        (cls.folder / "data/deep/table.csv").chmod(0o600)

        program = cls.folder / "program"
        subprocess.run(["cc", "-o", program, cls.folder / "good.c"], check=True)
        elf = bytearray(program.read_bytes())
        cls.file("truncated", bytes(elf[:1000]))
        elf[18:20] = AARCH64.to_bytes(2, "little")
        cls.file("foreign", bytes(elf))
        elf[18:20] = RISCV.to_bytes(2, "little")
        cls.file("unknown", bytes(elf))
        cls.file("random", os.urandom(51 * 1024 * 1024))
        cls.file("sparse", b"")
        os.truncate(cls.folder / "sparse.file", 251 * 1024 * 1024)
        subprocess.run(["cmake", "-S", cls.folder, "-B", cls.build, "-G", "Ninja"], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def file(cls, name, content):
        (cls.folder / f"{name}.file").write_bytes(content)

    def package(self, target):
        """Exit status and everything said, on one line."""
        done = subprocess.run(["cmake", "--build", self.build, "--target", f"package_{target}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, " ".join(done.stdout.split())

    def check_refused(self, target, *words):
        status, said = self.package(target)
        self.assertNotEqual(status, 0, said)
        for text in words:
            self.assertIn(text, said)
        self.assertFalse((self.build / f"{target}.zip").exists(), "a refused zip is left behind")

    def test_bootstrap_is_at_the_root_and_modes_are_755_and_644(self):
        status, said = self.package("good")
        self.assertEqual(status, 0, said)
        entries = zipfile.ZipFile(self.build / "zips/good.zip").infolist()
        self.assertEqual({entry.filename: oct(entry.external_attr >> 16) for entry in entries}, {
            "bootstrap": "0o100755", "tool.sh": "0o100755", "data/": "0o40755", "data/deep/": "0o40755",
            "data/deep/table.csv": "0o100644"})

    def test_the_same_inputs_give_the_same_bytes(self):
        self.package("good")
        zip_file = self.build / "zips/good.zip"
        first = zip_file.read_bytes()
        zip_file.unlink()
        os.utime(self.folder / "data/deep/table.csv")
        self.package("good")
        self.assertEqual(zip_file.read_bytes(), first)

    def test_a_changed_file_among_files_makes_a_new_zip(self):
        self.package("good")
        (self.folder / "data/deep/table.csv").write_text("3,4\n")
        self.package("good")
        with zipfile.ZipFile(self.build / "zips/good.zip") as archive:
            self.assertEqual(archive.read("data/deep/table.csv"), b"3,4\n")

    def test_a_call_that_debian_12_has_but_lambda_has_not_is_refused_with_both_ways_out(self):
        self.check_refused("newer", "bootstrap needs glibc 2.36", "Amazon Linux 2023 has 2.34", "-static",
                           "objdump -T PROGRAM | grep GLIBC_2.36")

    def test_the_program_of_a_newer_distribution_is_sent_to_the_build_image(self):
        self.check_refused("newest", "bootstrap needs glibc 2.99", "-static", "docker/build.Dockerfile")

    def test_a_fully_static_program_of_a_newer_distribution_is_taken(self):
        self.assertEqual(self.package("newer_static")[0], 0)

    def test_a_library_that_lambda_has_not_is_named(self):
        self.check_refused("needs_side", "bootstrap needs libside.so, which Lambda has not",
                           "libstdc++.so.6", "-static-libstdc++")

    def test_a_shared_object_goes_in_under_its_own_name(self):
        self.assertEqual(self.package("side")[0], 0)
        self.assertEqual(zipfile.ZipFile(self.build / "side.zip").namelist(), ["libside.so"])

    def test_a_mixture_of_architectures_is_refused(self):
        self.check_refused("foreign", "foreign.file is for arm64")

    def test_an_architecture_that_lambda_has_not_is_refused(self):
        self.check_refused("unknown", "unknown.file is for machine 243: Lambda has x86_64 and arm64")

    def test_two_files_of_one_name_are_refused(self):
        (self.folder / "deep").mkdir()
        for name in "bootstrap", "deep/tool.sh":
            (self.folder / name).touch()
        for files in "../bootstrap", "../tool.sh ../deep/tool.sh":
            project = self.folder / "clash"
            project.mkdir(exist_ok=True)
            (project / "CMakeLists.txt").write_text(CLASH % (CMAKE, files))
            done = subprocess.run(["cmake", "-S", project, "-B", project / "build"], capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("would replace the other", " ".join(done.stderr.split()))

    def test_a_damaged_elf_file_is_named(self):
        self.check_refused("truncated", "truncated.file ends before byte")

    def test_more_than_250_mb_unpacked_are_refused(self):
        self.check_refused("sparse", "bytes unpacked, Lambda takes 262144000")

    def test_more_than_50_mb_zipped_are_refused(self):
        self.check_refused("random", "bytes zipped, Lambda takes 52428800", "S3")


if __name__ == "__main__":
    unittest.main()
