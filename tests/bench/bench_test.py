"""The arithmetic of the benchmark, and the order of its rounds, on samples made up for it."""

import contextlib
import io
import sys
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
from record import OURS, Record, in_turns  # noqa: E402

TIME = Figure("time", "ms", "bash", of_floor=2, of_peer=4)
RATE = Figure("rate", "MB/s", "pipe", of_floor=0.5, of_peer=2, more_is_better=True)


def recorded(**samples):
    """A record with the same samples in one round: floor_bash=[1.0] is the floor "bash"."""
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


class Order(unittest.TestCase):
    def test_each_of_two_is_first_in_every_second_round(self):
        self.assertEqual([in_turns(["a", "b", "c"], n)[0] for n in range(4)], ["a", "c", "a", "c"])
        self.assertEqual([in_turns(["a", "b", "c"], n)[-1] for n in range(2)], ["c", "a"])


class Sessions(unittest.TestCase):
    """Rounds of groups that only say who was measured; "time" and "rate" are all figures."""

    def setUp(self):
        self.asked = []
        floor = {"bash": [1.0]}
        for target, value in (("floors.measure", lambda *_: floor),):
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

    def run_rounds(self, rounds, *groups, names=(OURS, "peer")):
        made = session.Session({name: name for name in names}, groups, TINY, Path("python3"))
        with contextlib.redirect_stderr(io.StringIO()):
            made.run(rounds)
        return made

    def test_alternate(self):
        self.run_rounds(2, self.group("a", {OURS: {"time": [1.0]}, "peer": {"time": [1.0]}}))
        self.assertEqual([who for _, who in self.asked], [OURS, "peer", "peer", OURS])

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


class Table(unittest.TestCase):
    def test_has_columns(self):
        cells = [["a", "ms", "1"], ["bcd", "s", "100"]]
        self.assertEqual(table.lines(cells), ["a    ms    1", "bcd  s   100"])


if __name__ == "__main__":
    unittest.main()
