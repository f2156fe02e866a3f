"""Shows sizes.py small trees with one file each."""

import tempfile
import unittest
from pathlib import Path

import sizes


def cpp_function(lines, head="int f() {", indent=""):
    """So many lines in all."""
    return "\n".join([indent + head, *[indent + "    g();"] * (lines - 2), indent + "}"]) + "\n"


def python_function(lines):
    return "def f():\n" + "    g()\n" * (lines - 1)


class Sizes(unittest.TestCase):
    def faults(self, name, text):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.parent.mkdir(parents=True)
            file.write_text(text)
            return list(sizes.faults(Path(folder)))

    def test_allows_a_file_of_the_most_lines(self):
        self.assertEqual(self.faults("src/a/a.cpp", "int i;\n" * 400), [])

    def test_finds_a_longer_file(self):
        self.assertEqual(
            self.faults("src/a/a.cpp", "int i;\n" * 401),
            ["src/a/a.cpp has 401 lines of code; at most 400"],
        )

    def test_counts_no_comments_and_no_blank_lines(self):
        text = "int i;\n" * 400 + "\n// A comment.\n"
        self.assertEqual(self.faults("include/ntd/a/a.h", text), [])

    def test_counts_no_docstrings(self):
        text = '"""One.\n\nTwo."""\n' + "a = 1\n" * 400
        self.assertEqual(self.faults("python/a.py", text), [])

    def test_counts_directives(self):
        self.assertEqual(len(self.faults("src/a/a.cpp", "#include <a>\n" * 401)), 1)

    def test_allows_a_function_of_the_most_lines(self):
        self.assertEqual(self.faults("src/a/a.cpp", cpp_function(40)), [])

    def test_finds_a_longer_function(self):
        self.assertEqual(
            self.faults("src/a/a.cpp", "\n" + cpp_function(41)),
            [
                'src/a/a.cpp:2: f() has 41 lines; at most 40, or a comment "Long because ..."',
            ],
        )

    def test_finds_a_constructor(self):
        head = "A::A(int a)\n    : a_(a), b_{a} {"
        self.assertIn("A::A()", self.faults("src/a/a.cpp", cpp_function(41, head))[0])

    def test_finds_a_member_in_a_class(self):
        text = "class A {\npublic:\n" + cpp_function(41, "int f() const {", "    ") + "};\n"
        self.assertEqual(len(self.faults("src/a/a.h", text)), 1)

    def test_takes_a_namespace_or_a_table_for_no_function(self):
        text = cpp_function(99, "namespace f {") + cpp_function(99, "const T t = {")
        self.assertEqual(self.faults("src/a/a.cpp", text), [])

    def test_reads_no_function_in_a_raw_string(self):
        text = 'const char* s = R"sh(\n' + cpp_function(41, "f() {") + ')sh";\n'
        self.assertEqual(self.faults("src/a/a.cpp", text), [])

    def test_does_not_end_a_function_in_a_raw_string(self):
        text = cpp_function(45).replace("    g();", '    g(R"(\n}\n)");', 1)
        self.assertEqual(len(self.faults("src/a/a.cpp", text)), 1)

    def test_takes_a_reason_above_the_function(self):
        text = "// Of many rows.\n// Long because it is a table.\n" + cpp_function(41)
        self.assertEqual(self.faults("src/a/a.cpp", text), [])

    def test_takes_a_reason_at_its_begin(self):
        text = "def f():\n    # Long because it is a table.\n" + "    g()\n" * 60
        self.assertEqual(self.faults("python/a.py", text), [])

    def test_takes_no_reason_that_is_far_below(self):
        text = python_function(30) + "    # Long because it is a table.\n" + "    g()\n" * 30
        self.assertEqual(len(self.faults("python/a.py", text)), 1)

    def test_finds_a_long_method_of_python(self):
        text = "class A:\n" + "".join(
            f"    {line}\n" for line in python_function(41).splitlines()
        )
        self.assertEqual(len(self.faults("python/a.py", text)), 1)


if __name__ == "__main__":
    unittest.main()
