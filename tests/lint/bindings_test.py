"""Runs bindings.py on small files with one fault each."""

import tempfile
import unittest
from pathlib import Path

import bindings


class Bindings(unittest.TestCase):
    def faults(self, text, quick=()):
        """The faults found in a file with just this text."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "src/bindings/bind_a.cpp"
            file.parent.mkdir(parents=True)
            file.write_text(text)
            found = bindings.faults(Path(folder), {"bind_a": dict.fromkeys(quick, "a reason")})
            return [fault.removeprefix(f"{file}:") for fault in found]

    def test_finds_that_there_is_nothing_to_look_at(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(len(list(bindings.faults(Path(folder)))), 1)

    def test_finds_a_function_that_keeps_the_lock(self):
        self.assertEqual(
            self.faults('\nmachine.def("wait", &Machine::wait);'),
            ["2: wait may block, and keeps Python's lock"],
        )

    def test_allows_one_with_a_guard(self):
        self.assertEqual(self.faults('m.def("wait", &wait, "time"_a = 1, can_block());'), [])

    def test_finds_one_beside_one_with_a_guard(self):
        text = 'm.def("look", &look)\n    .def("wait", &wait, can_block());'
        self.assertEqual(self.faults(text), ["1: look may block, and keeps Python's lock"])

    def test_allows_one_that_releases_the_lock_itself(self):
        text = 'm.def("wait", [](A& a) { const py::gil_scoped_release free; a.wait(); });'
        self.assertEqual(self.faults(text), [])

    def test_allows_one_that_calls_a_function_that_does(self):
        text = """
            template <typename F> auto blocking(F f) { const py::gil_scoped_release free; f(); }
            m.def("wait", [](A& a) { blocking([&] { a.wait(); }); });
        """
        self.assertEqual(self.faults(text), [])

    def test_allows_one_made_by_a_lambda_that_does(self):
        text = """
            template <typename F> auto blocking(F f) { const py::gil_scoped_release free; f(); }
            const auto timed = [](auto f) { return [f] { blocking(f); }; };
            m.def("wait", timed(&wait));
        """
        self.assertEqual(self.faults(text), [])

    def test_finds_one_that_calls_a_function_that_does_not(self):
        text = 'void look() { peek(); }\nm.def("look", [] { look(); });'
        self.assertEqual(len(self.faults(text)), 1)

    def test_finds_a_constructor(self):
        text = "c.def(py::init([] { return A(); }));"
        self.assertEqual(self.faults(text), ["1: __init__ may block, and keeps Python's lock"])

    def test_finds_a_constructor_beside_one_that_releases_the_lock(self):
        text = """
            a.def(py::init([](int i) { const py::gil_scoped_release free; return A(); }));
            b.def(py::init([](int i) { return B(); }));
        """
        self.assertEqual(self.faults(text), ["3: __init__ may block, and keeps Python's lock"])

    def test_sees_no_guard_in_a_comment(self):
        self.assertEqual(len(self.faults('m.def("wait", &wait // can_block()\n);')), 1)

    def test_sees_no_bracket_in_a_text(self):
        self.assertEqual(self.faults('m.def("wait", &wait, "( {", can_block());'), [])

    def test_sees_nothing_in_a_text_of_several_lines(self):
        text = 'm.def("wait", &wait, R"(A (b", can_block()\n"c" d.)");\nm.def("look", &look);'
        self.assertEqual(
            self.faults(text),
            [
                "1: wait may block, and keeps Python's lock",
                "3: look may block, and keeps Python's lock",
            ],
        )

    def test_leaves_attributes_alone(self):
        self.assertEqual(self.faults('c.def_readonly("name", &A::name);'), [])

    def test_allows_what_is_said_to_be_quick(self):
        self.assertEqual(self.faults('m.def("name", &name);', ["name"]), [])

    def test_finds_what_is_said_to_be_quick_without_need(self):
        self.assertEqual(len(self.faults('m.def("wait", &wait, can_block());', ["wait"])), 1)


if __name__ == "__main__":
    unittest.main()
