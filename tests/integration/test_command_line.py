"""Invalid command lines and configurations are refused at once, before anything starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AT_ONCE, DRIVER, Command, Result, Workspace

RunDriver = Callable[..., Result]


@pytest.fixture
def refuse(workspace: Workspace) -> Callable[..., Result]:
    """Run the driver with invalid arguments: expect status 2, the texts on stderr, no machine."""
    started = workspace.root / "started"
    good = workspace.start_script("good", body=f"touch {started}")
    test = workspace.test_script("start_all()")

    def run(*words: object, says: tuple[str, ...], env: dict[str, str] | None = None) -> Result:
        names = {"GOOD": str(good), "TEST": str(test)}
        argv = [str(DRIVER), *(names.get(str(word), str(word)) for word in words)]
        environment = workspace.environment({**(env or {})})
        result = workspace.run(Command(argv, environment), cwd=workspace.out)
        assert result.returncode == 2, str(result)
        result.must_say("nixos-test-driver: error: ", *says).must_not_say("start vlan", "Traceback")
        assert result.stdout == ""
        assert not started.exists()
        assert list(workspace.base.iterdir()) == []
        assert result.seconds < AT_ONCE
        return result

    return run


Refuse = Callable[..., Result]


# -------------------------------------------------------------------------------------------- files


def test_start_script_is_missing(refuse: Refuse, workspace: Workspace) -> None:
    path = workspace.scripts / "run-gone-vm"
    says = (str(path), "machine 'gone'", "No such file or directory")
    refuse("--start-scripts", path, "--vlans", "1", "--", "TEST", says=says)


def test_one_of_several_start_scripts_is_missing(refuse: Refuse, workspace: Workspace) -> None:
    path = workspace.scripts / "run-gone-vm"
    refuse("--start-scripts", "GOOD", path, "--", "TEST", says=(str(path),))


def test_start_script_is_not_executable(refuse: Refuse, workspace: Workspace) -> None:
    path = workspace.write("run-web-vm", "#!/bin/sh\n", 0o644)
    refuse("--start-scripts", path, "--", "TEST", says=(str(path), "Permission denied"))


def test_start_script_is_a_directory(refuse: Refuse, workspace: Workspace) -> None:
    refuse("--start-scripts", workspace.out, "--", "TEST", says=(str(workspace.out), "directory"))


def test_program_of_a_start_command_is_not_in_path(refuse: Refuse) -> None:
    says = ("no-such-program", "PATH")
    refuse("--start-scripts", "no-such-program -x", "--", "TEST", says=says)


def test_test_script_is_missing(refuse: Refuse) -> None:
    says = ("/no/such/test.py", "No such file or directory")
    refuse("--start-scripts", "GOOD", "--", "/no/such/test.py", says=says)


def test_test_script_is_unreadable(refuse: Refuse, workspace: Workspace) -> None:
    says = (str(workspace.out), "Is a directory")
    refuse("--start-scripts", "GOOD", "--", workspace.out, says=says)


def test_no_test_script(refuse: Refuse) -> None:
    refuse("--start-scripts", "GOOD", says=("nothing to run", "testScript"))


def test_two_test_scripts(refuse: Refuse) -> None:
    refuse("--start-scripts", "GOOD", "--", "TEST", "TEST", says=("only one test script",))


# -------------------------------------------------------------------------------------- directories


@pytest.mark.parametrize(
    ("directory", "why"),
    [
        ("/no/such/directory", "No such file or directory"),
        ("/dev/null", "Not a directory"),
    ],
)
def test_output_directory_cannot_be_used(refuse: Refuse, directory: str, why: str) -> None:
    refuse("-o", directory, "--start-scripts", "GOOD", "--", "TEST", says=(directory, why))


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR"])
@pytest.mark.parametrize("directory", ["/no/such/directory", "/dev/null"])
def test_base_directory_cannot_be_used(
    workspace: Workspace, variable: str, directory: str
) -> None:
    env = {variable: directory}
    result = workspace.run(workspace.command("start_all()", env=env))
    assert result.returncode == 2, str(result)
    result.must_say(directory, f"${variable}").must_not_say("Traceback", "starting vm")


# -------------------------------------------------------------------------------------------- names


def test_two_machines_of_one_name(refuse: Refuse, workspace: Workspace) -> None:
    workspace.scripts = workspace.root / "more"
    workspace.scripts.mkdir()
    other = workspace.start_script("good")
    says = ("two machines are named 'good'", str(other))
    refuse("--start-scripts", "GOOD", other, "--", "TEST", says=says)


def test_two_machines_of_one_identifier(refuse: Refuse, workspace: Workspace) -> None:
    one, two = workspace.start_script("web-1"), workspace.start_script("web_1")
    says = ("'web-1'", "'web_1'", "in the test script")
    refuse("--start-scripts", one, two, "--", "TEST", says=says)


def test_more_names_than_scripts(refuse: Refuse) -> None:
    words = ("--vm-names", "a", "b", "--vm-start-scripts", "GOOD", "--", "TEST")
    refuse(*words, says=("2 machine name(s)", "1 start script(s)"))


# -------------------------------------------------------------------------------------------- flags


@pytest.mark.parametrize(
    ("flag", "suggestion"),
    [
        ("--global-timeoout", "--global-timeout"),
        ("--juint-xml", "--junit-xml"),
        ("--start_scripts", "--start-scripts"),
        ("--output-directory", "--output_directory"),
    ],
)
def test_unknown_flag_suggests_the_right_one(
    refuse: Refuse, flag: str, suggestion: str
) -> None:
    says = (f"unknown option '{flag}'", f"did you mean '{suggestion}'?", "--help")
    refuse(f"{flag}=1", "--start-scripts", "GOOD", "--", "TEST", says=says)


def test_unknown_flag_without_a_resemblance(refuse: Refuse) -> None:
    result = refuse("--zebra", "--", "TEST", says=("unknown option '--zebra'",))
    result.must_not_say("did you mean")


def test_unknown_short_flag(refuse: Refuse) -> None:
    refuse("-Z", "--", "TEST", says=("unknown option '-Z'",))


def test_ambiguous_abbreviation(refuse: Refuse) -> None:
    says = ("'--vm'", "ambiguous", "--vm-names", "--vm-start-scripts")
    refuse("--vm", "x", "--", "TEST", says=says)


@pytest.mark.parametrize("flag", ["-o", "--junit-xml", "--config", "--global-timeout"])
def test_flag_without_its_value(refuse: Refuse, flag: str) -> None:
    refuse("--start-scripts", "GOOD", flag, says=(f"'{flag}' needs a value",))


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "1e999"])
def test_time_limit_makes_no_sense(refuse: Refuse, value: str) -> None:
    refuse("--start-scripts", "GOOD", f"--global-timeout={value}", "--", "TEST", says=(value,))


@pytest.mark.parametrize("value", ["x", "-1", "1.5"])
def test_vlan_makes_no_sense(refuse: Refuse, value: str) -> None:
    refuse("--start-scripts", "GOOD", f"--vlans={value}", "--", "TEST", says=(value,))


def test_test_script_taken_for_a_vlan(refuse: Refuse) -> None:
    refuse("--start-scripts", "GOOD", "--vlans", "1", "TEST", says=("test.py", "'--'"))


def test_unknown_log_level(refuse: Refuse) -> None:
    refuse("--log-level", "loud", "--", "TEST", says=("'loud'", "debug, info, warning or error"))
    refuse("--", "TEST", env={"logLevel": "quiet"}, says=("'quiet'", "logLevel"))


# ----------------------------------------------------------------------------------- configurations


def config(workspace: Workspace, text: str | dict[str, object]) -> Path:
    return workspace.write("config.json", text if isinstance(text, str) else json.dumps(text))


def good_config(workspace: Workspace) -> dict[str, object]:
    machine = {"name": "web", "start_script": str(workspace.scripts / "run-good-vm")}
    return {
        "vms": {"web": machine},
        "containers": {},
        "vlans": [1],
        "global_timeout": 3600,
        "enable_ssh_backdoor": False,
        "test_script": str(workspace.scripts / "test.py"),
    }


def test_configuration_is_missing(refuse: Refuse) -> None:
    refuse("--config", "/no/such.json", says=("/no/such.json", "No such file or directory"))


def test_configuration_is_a_directory(refuse: Refuse, workspace: Workspace) -> None:
    refuse("--config", workspace.out, says=(str(workspace.out), "directory"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("{", "not JSON, at line 1"),
        ('{"vms": {},\n oops}', "not JSON, at line 2"),
        ("[]", "a list; it must hold a JSON object"),
        ("7", "the number 7"),
    ],
)
def test_configuration_is_not_json(
    refuse: Refuse, workspace: Workspace, text: str, why: str
) -> None:
    path = config(workspace, text)
    refuse("--config", path, says=(str(path), why))


@pytest.mark.parametrize("key", ["vms", "containers", "vlans", "global_timeout", "test_script"])
def test_configuration_lacks_a_key(refuse: Refuse, workspace: Workspace, key: str) -> None:
    settings = good_config(workspace)
    del settings[key]
    path = config(workspace, settings)
    refuse("--config", path, says=(str(path), f"key '{key}' is missing"))


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("vms", [], "'vms'"),
        ("vms", {"web": 5}, "'vms.web'"),
        ("vms", {"web": {"name": "web"}}, "'vms.web.start_script' is missing"),
        ("vms", {"web": {"name": 1, "start_script": "x"}}, "'vms.web.name'"),
        ("vlans", "1", "'vlans'"),
        ("vlans", [1, "two"], "'vlans"),
        ("global_timeout", [], "'global_timeout'"),
        ("global_timeout", "later", "'global_timeout'"),
        ("global_timeout", "01:60:00", "'global_timeout'"),
        ("global_timeout", True, "'global_timeout'"),
        ("display_viewers", {"vnc": {"kind": 1, "executable": "x"}}, "'display_viewers.vnc.kind'"),
        ("containers", {"c": {"name": "c", "start_script": "x", "vnc": {}}}, "'containers.c.vnc.x11vnc' is missing"),
        ("enable_ssh_backdoor", "perhaps", "'enable_ssh_backdoor'"),
        ("test_script", 5, "'test_script'"),
        ("test_script", None, "'test_script'"),
    ],
)
def test_configuration_has_a_wrong_type(
    refuse: Refuse, workspace: Workspace, key: str, value: object, named: str
) -> None:
    path = config(workspace, {**good_config(workspace), key: value})
    refuse("--config", path, says=(str(path), named))


def test_other_test_script_is_missing(refuse: Refuse, workspace: Workspace) -> None:
    path = config(workspace, good_config(workspace))
    says = ("test script '/no/such.py'", "No such file or directory")
    refuse("--config", path, "--test-script", "/no/such.py", says=says)
    refuse("--config", path, "--test-script", workspace.out, says=("Is a directory",))
    refuse("--test-script", "TEST", "--", "TEST", says=("only one test script", "test.py"))


def test_configuration_beside_options(refuse: Refuse, workspace: Workspace) -> None:
    path = config(workspace, good_config(workspace))
    refuse("--config", path, "--vlans", "1", says=("'--vlans'", "--config"))
    refuse("--config", path, "TEST", says=("test.py", "--config"))


def test_unknown_keys_are_noted_at_level_debug(workspace: Workspace) -> None:
    settings = {**good_config(workspace), "from_the_future": 1, "vms": {}, "vlans": []}
    workspace.test_script("pass")
    path = config(workspace, settings)
    env = workspace.environment({})
    quiet = workspace.run(Command([str(DRIVER), "--config", str(path)], env)).must_succeed()
    quiet.must_not_say("from_the_future")
    argv = [str(DRIVER), "--log-level", "debug", "--config", str(path)]
    workspace.run(Command(argv, env)).must_succeed().must_say("from_the_future")


# ------------------------------------------------------------------------------- what is understood


def test_flags_may_be_shortened(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver("pass", args=["--junit=short.xml", "--keep-m"]).must_succeed()
    assert (workspace.out / "short.xml").exists()


@pytest.mark.parametrize("limit", ["90", "90.5", "PT1M30S"])
def test_time_limits_that_are_understood(run_driver: RunDriver, limit: str) -> None:
    result = run_driver("pass", args=["--global-timeout", limit]).must_succeed()
    result.must_say("Test will time out and terminate in 90")


@pytest.mark.parametrize("limit", [90, "PT1M30S"])
def test_time_limits_in_the_configuration(
    workspace: Workspace, limit: object
) -> None:
    test = workspace.test_script("pass")
    path = workspace.config({}, test, global_timeout=limit)
    argv = [str(DRIVER), "-o", str(workspace.out), "-c", str(path)]
    result = workspace.run(Command(argv, workspace.environment({}))).must_succeed()
    result.must_say("Test will time out and terminate in 90 seconds")


def test_options_win_over_variables(run_driver: RunDriver) -> None:
    env = {"globalTimeout": "11", "vlans": "1 2", "startScripts": "/no/such", "testScript": "/no"}
    args = ["--global-timeout", "33"]
    result = run_driver("assert len(vlans) == 1", vlans=[5], args=args, env=env).must_succeed()
    result.must_say("in 33 seconds")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_complete(workspace: Workspace, flag: str) -> None:
    argv = [str(DRIVER), "--no-such-flag", flag]
    result = workspace.run(Command(argv, workspace.environment({}))).must_succeed()
    assert result.stderr == ""
    options = """
        --config --start-scripts --vm-names --vm-start-scripts --container-names
        --container-start-scripts --vlans --global-timeout --dump-vsocks --interactive
        --no-interactive --keep-machine-state --keep-vm-state --output_directory --junit-xml
        --log-level --debug-hook-attach --vnc --vsock-siblings --watch --repeat --until-fail
        --keep-going --subtest --help -c -I -K -o -h
    """
    variables = """
        startScripts vmNames vmStartScripts containerNames containerStartScripts vlans
        globalTimeout testScript logLevel LOGFILE XDG_RUNTIME_DIR TMPDIR NO_COLOR
    """
    missing = [word for word in (options + variables).split() if word not in result.stdout]
    assert not missing
    assert max(len(line) for line in result.stdout.splitlines()) <= 100
    assert list(workspace.base.iterdir()) == []


def test_help_can_be_cut_off_by_its_reader(workspace: Workspace) -> None:
    shell = ["/bin/sh", "-c", f"{DRIVER} --help | head -n 1"]
    result = workspace.run(Command(shell, workspace.environment({}))).must_succeed()
    assert result.stdout.startswith("usage: nixos-test-driver")
    assert result.stderr == ""
