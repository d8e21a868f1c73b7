"""The list of divergences is whole, and the table in emulator/README.md is current."""

import pathlib
import re
import unittest

import divergences

HERE = pathlib.Path(__file__).resolve().parent


class Divergences(unittest.TestCase):
    def test_each_is_checked_by_a_case(self):
        cases = "".join(path.read_text() for path in HERE.glob("*_test.py"))
        used = set(re.findall(r"divergences\.([A-Z][A-Z_]+)", cases))
        known = {name for name, value in vars(divergences).items() if isinstance(value, divergences.Divergence)}
        self.assertEqual(known, used)

    def test_the_table_is_current(self):
        readme = (HERE.parent.parent / "emulator" / "README.md").read_text()
        self.assertIn(divergences.table(), readme, "put the output of tests/contract/divergences.py into emulator/README.md")


if __name__ == "__main__":
    unittest.main()
