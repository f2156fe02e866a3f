"""The reports of a run (JUnit, XML), and log levels."""

from __future__ import annotations

import re
import signal
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from harness import FAKE_VM, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]


def cases(path: Path) -> dict[str, Element]:
    """The test cases of a JUnit report, by name."""
    root = ElementTree.parse(path).getroot()
    suite = root if root.tag == "testsuite" else root.find("testsuite")
    assert suite is not None and suite.get("name") == "NixOS integration test"
    found = suite.findall("testcase")
    assert int(suite.get("tests", "-1")) == len(found)
    failed = [case for case in found if case.find("failure") is not None]
    assert int(suite.get("failures", "-1")) == len(failed)
    return {case.get("name", ""): case for case in found}


def message(case: Element) -> str:
    failure = case.find("failure")
    assert failure is not None, "the case has no failure"
    return failure.get("message", "")


# -------------------------------------------------------------------------------------------- JUnit


def test_report_has_a_case_per_subtest(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        with subtest("boots"):
            web.succeed("true")
        with subtest("breaks <&> \\x01"):
            web.succeed("echo why; exit 3")
    """
    run_driver(script, args=["--junit-xml", "report.xml"]).must_fail()
    found = cases(workspace.out / "report.xml")
    assert found["boots"].find("failure") is None
    assert float(found["boots"].get("time", "-1")) >= 0
    broken = next(case for name, case in found.items() if name.startswith("breaks <&>"))
    assert "command `echo why; exit 3` failed (exit code 3)" in message(broken)


def test_report_of_a_script_without_subtests(run_driver: RunDriver, workspace: Workspace) -> None:
    run_driver("assert 1 == 2, 'never'", args=["--junit-xml", "report.xml"]).must_fail()
    found = cases(workspace.out / "report.xml")
    assert list(found) == ["main"]
    assert "never" in message(found["main"])


def test_report_of_success(run_driver: RunDriver, workspace: Workspace) -> None:
    path = workspace.root / "elsewhere.xml"
    run_driver('web.succeed("true")', args=[f"--junit-xml={path}"]).must_succeed()
    assert cases(path)["main"].find("failure") is None


def test_report_has_the_output_of_its_case(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        with subtest("noisy"):
            web.succeed("echo on the console >&2")
    """
    run_driver(script, args=["--junit-xml", "report.xml"]).must_succeed()
    noisy = cases(workspace.out / "report.xml")["noisy"]
    said = "".join((noisy.findtext("system-out") or "", noisy.findtext("system-err") or ""))
    assert "on the console" in said and "must succeed" in said


def test_report_is_there_after_the_global_time_limit(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    script = """
        with subtest("done"):
            pass
        with subtest("stuck"):
            web.succeed("sleep 1000")
    """
    args = ["--junit-xml", "report.xml", "--global-timeout", "1"]
    assert run_driver(script, args=args).returncode == -signal.SIGTERM
    found = cases(workspace.out / "report.xml")
    assert found["done"].find("failure") is None
    assert {"failure", "error"} & {child.tag for child in found["stuck"]}


def test_report_is_there_after_an_interrupt(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    script = """
        with subtest("stuck"):
            web.succeed("sleep 1000")
    """
    driver = spawn_driver(script, args=["--junit-xml", "report.xml"])
    driver.expect("must succeed: sleep 1000")
    driver.signal(signal.SIGINT)
    assert driver.end() == -signal.SIGINT
    assert "stuck" in cases(workspace.out / "report.xml")


def test_report_that_cannot_be_written(run_driver: RunDriver) -> None:
    result = run_driver('log.log("ran")', args=["--junit-xml", "/no/such/directory/report.xml"])
    assert result.returncode != 0, str(result)
    result.must_say("/no/such/directory/report.xml")
    result.must_not_say("ran\n", "starting vm")


# ---------------------------------------------------------------------------------------------- XML


def read_xml(path: Path) -> Element:
    root = ElementTree.parse(path).getroot()
    assert root.tag == "logfile"
    return root


def test_xml_log_is_nested(run_driver: RunDriver, workspace: Workspace) -> None:
    logfile = workspace.out / "log.xml"
    run_driver('web.succeed("echo \\"<&>\\"")', env={"LOGFILE": str(logfile)}).must_succeed()
    heads = {head.text: head for head in read_xml(logfile).iter("head")}
    assert "run the VM test script" in heads
    assert heads['must succeed: echo "<&>"'].get("machine") == "web"
    nests = read_xml(logfile).findall("./nest/nest/head")
    assert any((head.text or "").startswith("must succeed") for head in nests)


def test_xml_log_has_the_console(run_driver: RunDriver, workspace: Workspace) -> None:
    logfile = workspace.out / "log.xml"
    options = {"web": "--console-garbage"}
    run_driver("web.connect()", options, env={"LOGFILE": str(logfile)}).must_succeed()
    serial = [line for line in read_xml(logfile).iter("line") if line.get("type") == "serial"]
    texts = [line.text or "" for line in serial]
    assert "<<< NixOS Stage 2 >>>" in texts
    assert all(line.get("machine") == "web" for line in serial)
    assert any(text.startswith("NUL:") for text in texts)
    assert max(map(len, texts)) == 1 << 20


def test_xml_log_of_a_failed_run_says_why(run_driver: RunDriver, workspace: Workspace) -> None:
    logfile = workspace.out / "log.xml"
    run_driver('assert False, "because"', env={"LOGFILE": str(logfile)}).must_fail()
    assert any("because" in (line.text or "") for line in read_xml(logfile).iter("line"))


def test_xml_log_parses_after_a_sudden_death(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    logfile = workspace.out / "log.xml"
    args = ["--global-timeout", "1"]
    driver = spawn_driver("while True: pass", args=args, env={"LOGFILE": str(logfile)})
    assert driver.end() == -signal.SIGTERM
    assert any("timeout reached" in (line.text or "") for line in read_xml(logfile).iter("line"))


def test_xml_log_that_cannot_be_written(run_driver: RunDriver) -> None:
    result = run_driver('log.log("ran")', env={"LOGFILE": "/no/such/log.xml"})
    assert result.returncode != 0, str(result)
    result.must_say("/no/such/log.xml").must_not_say("ran\n", "starting vm")


# ------------------------------------------------------------------------------------------- levels


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_a_failure_is_shown_at_every_level(run_driver: RunDriver, level: str) -> None:
    script = """
        log.warning("careful")
        with t.assertRaises(SystemExit):
            log.error("bad")
        log.info("by the way")
        assert False, "why"
    """
    result = run_driver(script, args=["--log-level", level]).must_fail("bad\n")
    result.must_blame("AssertionError: why", 'File "<string>", line 6')
    assert ("careful\n" in result.stderr) == (level != "error")
    assert ("by the way\n" in result.stderr) == (level in ("debug", "info"))


@pytest.mark.parametrize("level", ["warning", "error"])
def test_a_failed_command_shows_its_output_at_every_level(
    run_driver: RunDriver, level: str
) -> None:
    env = {"logLevel": level}
    result = run_driver('web.succeed("exit 9")', generation="environment", env=env).must_fail()
    result.must_blame("command `exit 9` failed (exit code 9)")


def test_level_may_be_changed_by_the_script(run_driver: RunDriver) -> None:
    script = """
        from test_driver.logger import LogLevel
        log.set_log_level(LogLevel.ERROR)
        log.info("quiet")
        log.set_log_level(LogLevel.DEBUG)
        log.debug("loud")
    """
    run_driver(script).must_succeed().must_say("loud\n").must_not_say("quiet\n")


def test_serial_lines_can_be_turned_off(run_driver: RunDriver) -> None:
    script = """
        serial_stdout_off()
        web.succeed("echo hidden >&2")
        web.wait_for_console_text("hidden")
        serial_stdout_on()
        web.succeed("echo shown >&2")
        web.wait_for_console_text("shown")
    """
    run_driver(script).must_succeed().must_say("web # shown\n").must_not_say("web # hidden\n")


def test_reader_of_the_log_may_go_away(workspace: Workspace) -> None:
    script = 'web.succeed("true")\nopen(os.environ["OUT"], "w").write("end")'
    done = workspace.root / "done"
    command = workspace.command(script, env={"OUT": str(done)})
    shell = ["/bin/sh", "-c", '"$@" 2>&1 >/dev/null | head -n 1', "sh", *command.argv]
    workspace.run(type(command)(shell, command.env)).must_succeed()
    assert done.read_text() == "end"


def test_much_console_output_is_all_there(run_driver: RunDriver) -> None:
    options = {"web": "--console-lines=50000"}
    result = run_driver("web.connect()\nweb.shutdown()", options).must_succeed()
    assert result.stderr.count("fake: boot line") == 50_000


# ----------------------------------------------------------------------------- output as it comes


def test_last_words_of_a_machine_are_all_there(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    body = (
        f"#!/bin/sh\n{FAKE_VM} \"$@\" &\nqemu=$!\n"
        "trap 'kill $qemu; wait $qemu; seq 100000; echo farewell >&2; exit' TERM\nwait $qemu\n"
    )
    script = workspace.write("run-web-vm", body, 0o755)
    result = run_driver("web.start()", scripts={"web": script}).must_succeed()
    result.must_say("web # 100000", "web: stderr: farewell")


def test_stream_output_shows_output_while_the_command_runs(
    spawn_driver: Callable[..., Conversation], workspace: Workspace
) -> None:
    script = """
        web.succeed("echo begun; until [ -e $FAKE_GUEST_DIR/go ]; do sleep 0.05; done; printf end")
    """
    driver = spawn_driver(script, args=["--stream-output"])
    driver.expect("^web > begun$")
    (workspace.base / "vm-state-web" / "guest" / "go").touch()
    driver.expect("^web > end$")
    driver.expect("finished: must succeed")
    assert driver.end() == 0


def test_output_is_not_shown_without_the_option(run_driver: RunDriver) -> None:
    run_driver('web.succeed("echo begun")').must_succeed().must_not_say("web > ")


# ---------------------------------------------------------------------------- unfinished lines

def console_of(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("web # ")]


BOLD = "\\033[1mPassword:\\033[0m "
PROMPTS = ["passphrase: ", "login: ", "(gdb) ", "Proceed? [y/N] ", "grub> ", BOLD]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompt_is_seen_before_its_line_ends(run_driver: RunDriver, prompt: str) -> None:
    script = f"""
        import re
        shown = "{prompt}".encode().decode("unicode_escape")
        web.succeed("printf '{prompt}' >&2")
        web.wait_for_console_text(re.escape(shown), timeout=60)
        assert web.get_console_log().endswith(shown)
        web.succeed("echo secret >&2")
        web.wait_for_console_text("secret", timeout=60)
        assert web.get_console_log().endswith(shown + "secret\\n")
        assert web.get_console_log().count(shown) == 1
    """
    result = run_driver(script).must_succeed()
    word = prompt.split("[1m")[-1].split(":")[0].strip()
    lines = [line for line in console_of(result) if word in line]
    assert len(lines) == 2 and "secret" not in lines[0] and lines[1].endswith("secret"), lines


def test_bar_of_progress_is_seen_while_it_goes_on(run_driver: RunDriver) -> None:
    script = """
        web.execute("(i=0; until test -e stop; do i=$((i + 1)); printf '%s%%\\r' $i; sleep 0.1; done; "
                    "printf 'all of it\\r') >&2 &")
        web.wait_for_console_text("[1-9]%", timeout=60)
        web.wait_for_console_text("[1-9]%", timeout=60)
        web.succeed("touch stop")
        web.wait_for_console_text("all of it", timeout=60)
        web.succeed("echo >&2; echo after it >&2")
        web.wait_for_console_text("after it", timeout=60)
        assert web.get_console_log().count("\\r2%\\r") == 1
        assert "\\rall of it\\n" in web.get_console_log()
    """
    result = run_driver(script).must_succeed()
    shown = [line for line in console_of(result) if "%" in line]
    assert len(shown) >= 3 and "1%" not in shown[1].split("2%")[0], shown


def test_line_that_comes_in_pieces_matches_as_one(run_driver: RunDriver) -> None:
    script = """
        web.execute("(printf 'be'; sleep 1; printf 'gin \\\\303'; sleep 1; printf '\\\\244 e'; sleep 1; "
                    "echo nd) >&2 &")
        web.wait_for_console_text("begin \u00e4 end", timeout=60)
        assert "begin \u00e4 end\\n" in web.get_console_log()
    """
    run_driver(script).must_succeed().must_say("web # begin \u00e4 end")


def test_prompt_is_part_of_what_a_failure_shows(run_driver: RunDriver) -> None:
    script = """
        web.succeed("printf 'Enter key: ' >&2")
        web.wait_for_console_text("Enter key: ", timeout=60)
        web.process.kill()
        web.succeed("true")
    """
    run_driver(script).must_fail().must_blame("Enter key:")


def test_prompt_after_a_reboot_is_one_of_the_new_boot(run_driver: RunDriver) -> None:
    script = """
        web.succeed("printf 'old: ' >&2")
        web.wait_for_console_text("old: ", timeout=60)
        web.crash()
        web.succeed("printf 'new: ' >&2")
        web.wait_for_console_text("new: ", timeout=60)
        assert "old" not in web.get_console_log()
    """
    run_driver(script).must_succeed()


# ------------------------------------------------------------------------------------- the terminal


@pytest.mark.parametrize("when", ["failure", "never"])
def test_consoles_can_be_left_out(
    run_driver: RunDriver, workspace: Workspace, when: str
) -> None:
    script = 'web.succeed("echo on the console >&2")\n1 / 0'
    env = {"NTD_EVIDENCE": "failure"}
    result = run_driver(script, args=["--console", when], env=env).must_fail()
    result.must_not_say("web # ")
    assert ("!!!     on the console" in result.stderr) == (when == "failure")
    kept = workspace.out / "failure" / "machines" / "web" / "console.txt"
    assert "on the console" in kept.read_text()


def test_lines_have_their_time_if_asked_to(run_driver: RunDriver) -> None:
    result = run_driver('web.succeed("true")', args=["--timestamps"]).must_succeed()
    lines = result.stderr.splitlines()
    assert all(re.match(r"\[ *\d+\.\d{3}\] ", line) for line in lines), result
    times = [float(line[1:].partition("]")[0]) for line in lines if " # " not in line]
    assert times == sorted(times)
