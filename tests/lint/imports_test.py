"""Shows imports.py small packages with one fault each."""

import tempfile
import unittest
from pathlib import Path

import imports


def with_suffix_of(name):
    return name + (".pyi" if name == "_ntd" else ".py")


class Imports(unittest.TestCase):
    def faults(self, files):
        """What is found in a package of these files."""
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                file = Path(root, "python/test_driver", with_suffix_of(name))
                file.parent.mkdir(parents=True, exist_ok=True)
                (file.parent / "__init__.py").touch()
                file.write_text(text)
            return [fault.replace(root + "/", "") for fault in imports.faults(Path(root))]

    def circles(self, files):
        return [fault for fault in self.faults(files) if fault.startswith("circle")]

    def test_allows_a_folder_below(self):
        text = "from test_driver.files import trees"
        self.assertEqual(self.faults({"machine/base": text, "files/trees": ""}), [])

    def test_allows_the_standard_library(self):
        self.assertEqual(self.faults({"files/trees": "import os, ast"}), [])

    def test_finds_a_circle(self):
        a, b = "from test_driver.machine.b import B", "import test_driver.machine.a"
        self.assertEqual(
            self.faults({"machine/a": a, "machine/b": b}),
            ["circle: test_driver.machine.a -> test_driver.machine.b -> test_driver.machine.a"],
        )

    def test_counts_an_import_for_type_checkers(self):
        a = "if TYPE_CHECKING:\n    from test_driver.machine import b"
        b = "from test_driver.machine import a"
        self.assertEqual(len(self.circles({"machine/a": a, "machine/b": b})), 1)

    def test_counts_an_import_in_a_function(self):
        a = "def late():\n    from test_driver.machine import b"
        b = "from test_driver.machine.a import late"
        self.assertEqual(len(self.circles({"machine/a": a, "machine/b": b})), 1)

    def test_knows_that_an_import_is_one_of_the_package(self):
        screen, machine = "from test_driver.machine import base", "from test_driver import screen"
        files = {"screen/__init__": screen, "machine/__init__": machine, "machine/base": ""}
        self.assertEqual(len(self.circles(files)), 1)

    def test_knows_that_a_package_is_there_before_what_is_in_it(self):
        init, qemu = "from test_driver.machine import qemu", "from test_driver.machine import base"
        files = {"machine/__init__": init, "machine/qemu": qemu, "machine/base": ""}
        self.assertEqual(self.circles(files), [])

    def test_looks_into_stubs(self):
        engine, stub = "from test_driver import _ntd", "from test_driver import _engine"
        self.assertEqual(len(self.circles({"_engine": engine, "_ntd": stub})), 1)

    def test_finds_an_import_against_the_direction(self):
        text = "\nfrom test_driver.machine import base"
        self.assertEqual(
            self.faults({"files/trees": text, "machine/base": ""}),
            ["python/test_driver/files/trees.py:2: files must not use machine"],
        )

    def test_finds_what_all_use_to_use_a_folder(self):
        files = {"errors": "import test_driver.logger", "logger/__init__": ""}
        self.assertEqual(len(self.faults(files)), 1)

    def test_the_table_itself_has_no_circle(self):
        self.assertEqual(list(imports.circles(imports.USES)), [])

    def test_finds_a_folder_that_is_not_in_the_table(self):
        faults = self.faults({"new/a": ""})
        self.assertTrue(all(fault.endswith("new is not in the table") for fault in faults))
        self.assertTrue(faults)


if __name__ == "__main__":
    unittest.main()
