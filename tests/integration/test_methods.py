"""Machine methods of the engine behave like Python methods for scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness import Result

RunDriver = Callable[..., Result]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("web.wait_for_unit()", "wait_for_unit() missing 1 required positional argument: 'unit'"),
        ("web.succeed('true', limit=5)", "succeed() got an unexpected keyword argument 'limit'"),
        ("web.crash(1)", "crash() takes 1 positional argument but 2 were given"),
        ("web.send_key('a', key='b')", "send_key() got multiple values for argument 'key'"),
        ("web.wait_until_succeeds('a', 1, 2)", "takes from 2 to 3 positional arguments but 4"),
        ("web.execute('true', timeout='5')", "a duration is a timedelta or a number of seconds"),
        ("web.succeed(5)", "a command is a str, not int"),
        ("web.systemctl(5)", "systemctl(): incompatible function arguments"),
    ],
)
def test_wrong_arguments(run_driver: RunDriver, call: str, complaint: str) -> None:
    result = run_driver(f"\n{call}\n").must_fail()
    result.must_blame('File "<string>", line 2, in <module>', call, "TypeError: ", complaint)
    assert result.failure.count("File ") == 1
    result.must_not_say("starting vm")


def test_signatures_and_names(run_driver: RunDriver) -> None:
    script = """
        import inspect, pickle, pydoc
        from test_driver.duration import DEFAULT_LIMIT

        of_class = inspect.signature(QemuMachine.wait_for_open_port)
        assert str(of_class) == (
            "(self, port: 'int | str', addr: 'str' = 'localhost',"
            " timeout: 'Duration | None' = 900) -> 'None'"
        ), of_class
        assert of_class.parameters["timeout"].default is DEFAULT_LIMIT
        of_machine = inspect.signature(web.succeed)
        assert str(of_machine) == "(*commands: 'str', timeout: 'Duration | None' = None) -> 'str'"
        for method in (web.succeed, BaseMachine.succeed, QemuMachine.succeed):
            assert method.__name__ == "succeed" and method.__qualname__ == "BaseMachine.succeed"
            assert method.__module__ == "test_driver.machine.base"
            assert method.__doc__.startswith("Run commands one after the other;")
        assert inspect.isfunction(QemuMachine.succeed) and inspect.ismethod(web.succeed)
        assert QemuMachine.succeed.__code__.co_varnames[:2] == ("self", "timeout")
        assert web.succeed.__self__ is web
        assert repr(QemuMachine.crash).startswith("<function QemuMachine.crash")
        assert QemuMachine.crash.__module__ == "test_driver.machine.qemu"
        assert pickle.loads(pickle.dumps(QemuMachine.succeed)) is QemuMachine.succeed
        for kind in (QemuMachine, NspawnMachine, web):
            shown = pydoc.plain(pydoc.render_doc(kind))
            assert "wait_for_unit(self, unit: 'str', user: 'str | None' = None" in shown, shown
            assert "Wait until a systemd unit is active." in shown
    """
    run_driver(script).must_succeed()


# -------------------------------------------------------------------------------- a script's own

MINE = """
class Mine(QemuMachine):
    calls = []

mine = Mine(driver.out_dir, driver.tmp_dir, web.start_command, log, "mine")
driver.machines_qemu.append(mine)
"""


def test_override_under_another_name(run_driver: RunDriver) -> None:
    """The override's frame is not called execute. The overridden method must not take its call for a
    new one."""
    script = f"""
original = QemuMachine.execute
def traced(machine, command, *args, **kwargs):
    machine.calls.append(command)
    return original(machine, command, *args, **kwargs)
{MINE.replace("calls = []", "calls, execute = [], traced")}
assert mine.succeed("echo x") == "x\\n"
mine.wait_until_succeeds("true")
mine.wait_for_file("/")
assert mine.calls[:2] == ["echo x", "true"] and len(mine.calls) == 3, mine.calls
"""
    run_driver(script).must_succeed()


def test_override_of_what_others_are_made_of(run_driver: RunDriver) -> None:
    script = """
class Loud(QemuMachine):
    calls = []
    def execute(self, command, *args, **kwargs):
        self.calls.append("execute")
        return super().execute(command, *args, **kwargs)
    def succeed(self, *commands, timeout=None):
        self.calls.append("succeed")
        return super().succeed(*commands, timeout=timeout)
    def systemctl(self, q, user=None):
        self.calls.append("systemctl")
        return super().systemctl(q, user)

loud = Loud(driver.out_dir, driver.tmp_dir, web.start_command, log, "loud")
driver.machines_qemu.append(loud)
loud.succeed("true")
assert loud.calls == ["succeed", "execute"], loud.calls
del loud.calls[:]
loud.start_job("a.service")
assert loud.calls == ["systemctl", "execute"], loud.calls
"""
    run_driver(script).must_succeed()


def test_replaced_in_a_class_of_ours(run_driver: RunDriver) -> None:
    script = """
        from unittest import mock

        before = BaseMachine.succeed
        calls = []
        def succeed(machine, *commands, **kwargs):
            calls.append(commands)
            return before(machine, *commands, **kwargs)
        BaseMachine.succeed = succeed
        assert web.succeed("echo x") == "x\\n" and calls == [("echo x",)]
        BaseMachine.succeed = before
        with mock.patch.object(QemuMachine, "wait_for_unit", autospec=True) as wait:
            web.wait_for_unit("a.service")
            with t.assertRaises(TypeError):
                web.wait_for_unit()
        wait.assert_called_once_with(web, "a.service")
        web.succeed = lambda command: "of the machine alone"
        assert web.succeed("true") == "of the machine alone"
    """
    run_driver(script).must_succeed()


def test_warning_names_what_the_script_has_called(run_driver: RunDriver) -> None:
    script = """
        web.execute("true", timeout=5)
        web.wait_for_job("multi-user.target", None, 5)
    """
    result = run_driver(script, generation="json").must_succeed()
    for name, line in (("execute", 2), ("wait_for_job", 3)):
        result.must_say(f"(UserWarning): {name}(): a bare number", f'"<string>", line {line}')
