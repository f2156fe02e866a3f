"""Runs layers.py on small trees with one fault each."""

import tempfile
import unittest
from pathlib import Path

import layers


class Layers(unittest.TestCase):
    def faults(self, name, text):
        """The faults found in a tree that has just this file, and the headers below."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "include/ntd/log").mkdir(parents=True)
            (root / "include/ntd/log/log.h").touch()
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
            return [fault.replace(folder + "/", "") for fault in layers.faults(root)]

    def test_allows_a_module_in_front(self):
        self.assertEqual(self.faults("src/qemu/a.cpp", "#include <ntd/log/log.h>\n"), [])

    def test_finds_an_edge_backwards(self):
        self.assertEqual(
            self.faults("src/os/a.cpp", "\n#include <ntd/log/log.h>\n"),
            ["src/os/a.cpp:2: ntd/log/log.h: os must not use log"],
        )

    def test_looks_into_public_headers(self):
        self.assertEqual(len(self.faults("include/ntd/os/a.h", "#include <ntd/log/log.h>")), 1)

    def test_finds_a_library_in_the_wrong_module(self):
        self.assertEqual(len(self.faults("src/qemu/a.cpp", "#include <nlohmann/json.hpp>")), 1)

    def test_finds_a_library_of_the_log_in_another_module(self):
        self.assertEqual(len(self.faults("src/cli/a.cpp", "#include <pugixml.hpp>")), 1)

    def test_finds_a_library_that_nobody_has(self):
        self.assertEqual(len(self.faults("src/qemu/a.cpp", "#include <boost/asio.hpp>")), 1)

    def test_allows_the_standard_library(self):
        self.assertEqual(self.faults("src/base/a.cpp", "#include <string_view>"), [])

    def test_finds_a_private_header_of_another_module(self):
        self.assertEqual(len(self.faults("src/qemu/a.cpp", '#include "../log/wording.h"')), 1)

    def test_finds_a_header_that_is_not_there(self):
        self.assertEqual(len(self.faults("src/qemu/a.cpp", "#include <ntd/log/no.h>")), 1)

    def test_finds_a_module_that_is_not_in_the_table(self):
        self.assertEqual(len(self.faults("src/new/a.cpp", "")), 1)


if __name__ == "__main__":
    unittest.main()
