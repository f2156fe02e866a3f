"""Tests of the benchmark's arithmetic and of the order of its rounds, with made-up samples."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / part) for part in ("integration", "guest")]

import drivers  # noqa: E402
import session  # noqa: E402
import table  # noqa: E402
import verdicts  # noqa: E402
from figures import FIGURES, Figure  # noqa: E402
from groups import TINY, RunFailed  # noqa: E402
from record import BASE, OURS, Record, in_turns  # noqa: E402

TIME = Figure("time", "ms", "bash", of_floor=2, of_peer=4)
RATE = Figure("rate", "MB/s", "pipe", of_floor=0.5, of_peer=2, more_is_better=True)


def recorded(**samples):
    """A record of one round with these samples; floor_bash=[1.0] sets the floor "bash"."""
    record = Record()
    for name, values in samples.items():
        who, _, figure = name.partition("_")
        record.add(who, 0, {figure: values})
    return record


class Ratios(unittest.TestCase):
    def test_less_time_is_better(self):
        record = recorded(ours_time=[2.0, 1.0, 9.0], peer_time=[8.0])
        self.assertEqual(verdicts.of_peer(TIME, record, "peer"), 4)

    def test_a_greater_rate_is_better(self):
        record = recorded(ours_rate=[300.0], peer_rate=[100.0])
        self.assertEqual(verdicts.of_peer(RATE, record, "peer"), 3)

    def test_are_not_told_of_what_was_not_measured(self):
        self.assertIsNone(verdicts.of_peer(TIME, recorded(ours_time=[1.0]), "peer"))
        self.assertIsNone(verdicts.of_floor(TIME, recorded(ours_time=[1.0])))

    def test_are_not_told_of_nothing(self):
        record = recorded(ours_time=[0.0], peer_time=[1.0])
        self.assertIsNone(verdicts.of_peer(TIME, record, "peer"))

    def test_to_the_floor(self):
        record = recorded(ours_time=[6.0], floor_bash=[2.0, 4.0])
        self.assertEqual(verdicts.of_floor(TIME, record), 2)

    def test_to_many_times_the_floor(self):
        many = Figure("time", "ms", "bash", times=20)
        self.assertEqual(verdicts.of_floor(many, recorded(ours_time=[80.0], floor_bash=[2.0])), 2)

    def test_to_a_number(self):
        share = Figure("time", "%", 100)
        self.assertEqual(verdicts.of_floor(share, recorded(ours_time=[5.0])), 0.05)

    def test_to_a_floor_of_nothing(self):
        self.assertIsNone(verdicts.of_floor(Figure("time", "ms", 0), recorded(ours_time=[5.0])))

    def test_to_another_figure_of_ours(self):
        beside = Figure("time", "ms", "other")
        record = recorded(ours_time=[3.0], ours_other=[2.0])
        self.assertEqual(verdicts.of_floor(beside, record), 1.5)

    def test_p95_of_few_is_the_greatest(self):
        self.assertEqual(verdicts.p95([3.0, 1.0, 2.0]), 3)
        self.assertEqual(verdicts.p95([float(n) for n in range(100, 0, -1)]), 95)


class Goals(unittest.TestCase):
    def met(self, figure, **samples):
        return verdicts.met(figure, recorded(**samples), ["peer"])

    def test_are_met(self):
        self.assertTrue(self.met(TIME, ours_time=[2.0], floor_bash=[1.0], peer_time=[8.0]))
        self.assertTrue(self.met(RATE, ours_rate=[2.0], floor_pipe=[4.0], peer_rate=[1.0]))

    def test_to_the_floor_are_missed(self):
        self.assertFalse(self.met(TIME, ours_time=[2.1], floor_bash=[1.0], peer_time=[100.0]))
        self.assertFalse(self.met(RATE, ours_rate=[1.9], floor_pipe=[4.0]))

    def test_to_the_peer_are_missed(self):
        self.assertFalse(self.met(TIME, ours_time=[2.0], floor_bash=[1.0], peer_time=[7.9]))

    def test_that_cannot_be_judged_are_neither(self):
        self.assertIsNone(self.met(TIME, ours_time=[2.0]))

    def test_hold_floors_that_there_are(self):
        known = {figure.name for figure in FIGURES} | {"guest.bash", "guest.idle_cpu"}
        named = {figure.floor for figure in FIGURES if isinstance(figure.floor, str)}
        self.assertEqual(named - known - set(table.TOLD), set())


class Changes(unittest.TestCase):
    def change(self, ours, base, figure=TIME):
        """The change between these samples; each sample is a round of its own."""
        record = Record()
        for who, values in ((OURS, ours), (BASE, base)):
            for number, value in enumerate(values):
                record.add(who, number, {figure.name: [value]})
        return verdicts.change(figure, record)

    def test_much_worse_in_each_round_is_worse(self):
        found = self.change([1.2, 2.4, 3.6], [1.0, 2.0, 3.0])
        self.assertTrue(found.is_worse)
        self.assertAlmostEqual(found.times_worse, 1.2)
        self.assertAlmostEqual(found.noise, 0)

    def test_few_rounds_are_no_verdict(self):
        found = self.change([2.0, 2.0], [1.0, 1.0])
        self.assertTrue(found.seems_worse)
        self.assertFalse(found.is_worse)

    def test_a_little_worse_is_not(self):
        self.assertFalse(self.change([1.09] * 3, [1.0] * 3).seems_worse)

    def test_better_is_not_worse(self):
        self.assertFalse(self.change([1.0] * 3, [2.0] * 3).seems_worse)

    def test_a_lower_rate_is_worse(self):
        self.assertTrue(self.change([80.0] * 3, [100.0] * 3, RATE).is_worse)
        self.assertFalse(self.change([120.0] * 3, [100.0] * 3, RATE).is_worse)

    def test_within_the_noise_is_not_worse(self):
        found = self.change([0.7, 1.2, 1.9], [1.0] * 3)
        self.assertTrue(found.seems_worse)
        self.assertFalse(found.is_worse)

    def test_one_bad_round_is_not_worse(self):
        self.assertFalse(self.change([1.0, 1.0, 9.0], [1.0] * 3).seems_worse)

    def test_compares_what_one_round_gave(self):
        self.assertEqual(self.change([5.0, 1.0], [5.0]).rounds, 1)

    def test_are_not_told_of_what_may_change(self):
        count = Figure("count", "", may_change=True)
        self.assertIsNone(self.change([3.0] * 3, [2.0] * 3, count))

    def test_are_not_told_of_what_took_no_time(self):
        self.assertIsNone(self.change([0.0], [1.0]))


class Order(unittest.TestCase):
    def test_each_of_two_is_first_in_every_second_round(self):
        self.assertEqual([in_turns(["a", "b", "c"], n)[0] for n in range(4)], ["a", "c", "a", "c"])
        self.assertEqual([in_turns(["a", "b", "c"], n)[-1] for n in range(2)], ["c", "a"])


class Sessions(unittest.TestCase):
    """Rounds with groups that only record who was measured; the figures are "time" and "rate"."""

    def setUp(self):
        self.asked = []
        floor = {"bash": [1.0]}
        for target, value in (("FIGURES", [TIME, RATE]), ("floors.measure", lambda *_: floor)):
            patch = mock.patch(f"session.{target}", value)
            patch.start()
            self.addCleanup(patch.stop)

    def group(self, name, samples):
        def asked(bench):
            who = bench.driver
            self.asked.append((name, who))
            if samples.get(who) is None:
                raise RunFailed("it fell over")
            return samples[who]

        asked.__name__ = name
        return asked

    def run_rounds(self, rounds, *groups, names=(OURS, BASE)):
        made = session.Session({name: name for name in names}, groups, TINY, Path("python3"))
        with contextlib.redirect_stderr(io.StringIO()):
            made.run(rounds)
        return made

    def test_alternate(self):
        self.run_rounds(2, self.group("a", {OURS: {"time": [1.0]}, BASE: {"time": [1.0]}}))
        self.assertEqual([who for _, who in self.asked], [OURS, BASE, BASE, OURS])

    def test_measure_again_what_seems_worse_and_no_more(self):
        slow = self.group("slow", {OURS: {"time": [2.0]}, BASE: {"time": [1.0]}})
        same = self.group("same", {OURS: {"rate": [1.0]}, BASE: {"rate": [1.0]}})
        made = self.run_rounds(2, slow, same)
        self.assertEqual(made.worse(), ["time"])
        self.assertEqual(self.asked.count(("slow", OURS)), 2 * session.MORE)
        self.assertEqual(self.asked.count(("same", OURS)), 2)

    def test_leave_the_peer_out_when_they_measure_again(self):
        times = {OURS: {"time": [2.0]}, BASE: {"time": [1.0]}, "peer": {"time": [3.0]}}
        self.run_rounds(1, self.group("slow", times), names=(OURS, "peer", BASE))
        self.assertEqual(self.asked.count(("slow", "peer")), 1)

    def test_give_no_second_chance_to_who_failed(self):
        made = self.run_rounds(3, self.group("a", {OURS: {"time": [1.0]}}), names=(OURS, "peer"))
        self.assertEqual(self.asked.count(("a", "peer")), 1)
        self.assertEqual(made.problems(), ["no figures of a (peer): it fell over"])
        self.assertTrue(made.failed("peer"))
        self.assertFalse(made.failed(OURS))


class Drivers(unittest.TestCase):
    def test_are_called_as_their_help_says(self):
        self.assertEqual(drivers.generation("  --start-scripts [START-SCRIPT ...]"), "flags")
        self.assertEqual(drivers.generation("  --config FILE"), "json")

    def test_of_no_known_kind_are_refused(self):
        with self.assertRaises(SystemExit):
            drivers.generation("usage: ls")

    def test_that_cannot_be_run_are_refused(self):
        with self.assertRaisesRegex(SystemExit, "cannot be run"):
            drivers.peer(Path("/nowhere"))

    def test_of_no_commit_are_refused(self):
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
            drivers.commit("no-such-commit", Path("/nowhere"))

    def test_are_built_as_ours_is(self):
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder, "CMakeCache.txt")
            cache.write_text("CMAKE_BUILD_TYPE:STRING=Release\n_Python3_EXECUTABLE:INTERNAL=/py\n")
            found = drivers.settings_like(Path(folder))
        wanted = ["-DCMAKE_BUILD_TYPE=Release", "-DPython3_EXECUTABLE=/py", "-DNTD_BUILD_TESTS=OFF"]
        self.assertEqual(found, wanted)


class Table(unittest.TestCase):
    def test_marks_what_seems_worse(self):
        record = recorded(ours_time=[12.0], base_time=[10.0], peer_time=[48.0], floor_bash=[10.0])
        cells = table.row(TIME, record, ["peer"], compared=True)
        self.assertEqual(
            cells,
            ["time", "ms", "12.0", "12.0", "10.0", "1.20", "≤ 2", "48.0", "48.0", "4.00", "≥ 4"]
            + ["met", "10.0", "+20 %", "± ? unsure"],
        )

    def test_has_columns(self):
        cells = [["a", "ms", "1"], ["bcd", "s", "100"]]
        self.assertEqual(table.lines(cells), ["a    ms    1", "bcd  s   100"])

    def test_marks_what_is_worse(self):
        record = Record()
        for number in range(3):
            record.add(OURS, number, {"time": [12.0]})
            record.add(BASE, number, {"time": [10.0]})
        self.assertEqual(table.change(TIME, record), ["10.0", "+20 %", "± 0 % WORSE"])


if __name__ == "__main__":
    unittest.main()
