"""The programs of the release build against what design promises of them:
runnable on Amazon Linux 2023, nothing needed but glibc's own libraries, small.
"""

import json
import pathlib
import subprocess
import tempfile
import unittest

from elf import Elf

RELEASE = pathlib.Path(__file__).resolve().parents[2] / "build/release"
AMAZON_LINUX_2023_GLIBC = (2, 34)
LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
MODULE = RELEASE / "lib/mayfly/libmayfly-tls.so"
STRIPPED_BYTES = {"bootstrap": 450_000, "mayfly-telemetry": 1_500_000, "mayfly": None}  # None: nothing promised
TELEMETRY_LAYER_BYTES = 3_000_000


class DeployableTest(unittest.TestCase):
    def check(self, programs, promise):
        for name in programs:
            with self.subTest(name):
                promise(name, RELEASE / "bin" / name)

    def test_no_program_asks_for_a_glibc_newer_than_amazon_linux_2023(self):
        self.check(STRIPPED_BYTES, lambda _, path: self.assertLessEqual(
            Elf(path.read_bytes()).newest_glibc(), AMAZON_LINUX_2023_GLIBC))

    def test_no_program_needs_a_library_beyond_glibc_and_libgcc(self):
        self.check(STRIPPED_BYTES, lambda _, path: self.assertLessEqual(set(Elf(path.read_bytes()).needed), LIBRARIES))

    def test_what_goes_into_layers_loads_libc_alone(self):
        """Each further library is a tenth of a millisecond of every cold start."""
        self.check(["bootstrap", "mayfly-telemetry"], lambda _, path: self.assertEqual(
            [name for name in Elf(path.read_bytes()).needed if not name.startswith("ld-linux")], ["libc.so.6"]))

    def test_stripped_programs_are_as_small_as_promised(self):
        def promise(name, path):
            with tempfile.TemporaryDirectory() as folder:
                stripped = pathlib.Path(folder, name)
                subprocess.run(["strip", "-o", stripped, path], check=True)
                print(f"{name}: {stripped.stat().st_size} bytes stripped")
                self.assertLessEqual(stripped.stat().st_size, STRIPPED_BYTES[name] or stripped.stat().st_size)
        self.check(STRIPPED_BYTES, promise)

    def test_what_goes_into_layers_carries_no_symbol_table(self):
        self.check(["bootstrap", "mayfly-telemetry"], lambda _, path: self.assertFalse(
            Elf(path.read_bytes()).has_symbol_table))

    def test_the_tls_module_is_as_small_as_promised_and_shows_one_symbol(self):
        module = Elf(MODULE.read_bytes())
        self.assertLessEqual(module.newest_glibc(), AMAZON_LINUX_2023_GLIBC)
        self.assertLessEqual(set(module.needed), LIBRARIES)
        self.assertFalse(module.has_symbol_table)
        self.assertLessEqual(MODULE.stat().st_size, 6_000_000)
        shown = subprocess.run(["nm", "-D", "--defined-only", "--format=just-symbols", MODULE], capture_output=True,
                               text=True, check=True).stdout.split()
        self.assertEqual(shown, ["mayfly_tls"])

    def test_the_telemetry_layer_is_as_small_as_promised(self):
        layer = RELEASE / "layers/mayfly-telemetry.zip"
        print(f"{layer.name}: {layer.stat().st_size} bytes")
        self.assertLessEqual(layer.stat().st_size, TELEMETRY_LAYER_BYTES)

    def test_an_exception_has_the_stack_of_its_throw_in_a_release_program_too(self):
        order = '{"id":"a","items":[{"sku":"tea","quantity":0,"unit_price":1}]}'
        done = subprocess.run([RELEASE / "bin/mayfly", "invoke", "--handler", "price", "--payload", order, "--",
                               RELEASE / "examples/orders"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("::price(", json.loads(done.stdout)["stackTrace"][0])


if __name__ == "__main__":
    unittest.main()
