"""Commands in the guest: input, output, how they end, and who may use the shell."""

from __future__ import annotations

import os
import re
import shutil
import signal
import textwrap
from collections.abc import Callable

import pytest

from harness import AT_ONCE, FAKE_VM, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

# The end of a script: checks that a command gets its own answer, not that of an earlier one.
IN_STEP = """
assert web.execute("echo in step; exit 3") == (3, "in step\\n")
"""


def check(run_driver: RunDriver, script: str, **options: object) -> Result:
    """Check that the script succeeds, and that the shell is in step afterwards."""
    return run_driver(textwrap.dedent(script) + IN_STEP, **options).must_succeed()


# -------------------------------------------------------------------------------- status and output


def test_exit_codes(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        for code in (0, 1, 2, 77, 127, 255):
            assert web.execute(f"exit {code}") == (code, "")
        assert web.execute("kill -TERM $$")[0] == 128 + 15
        assert web.execute("no-such-command")[0] == 127
        """,
    )


def test_succeed_concatenates_and_names_what_failed(run_driver: RunDriver) -> None:
    script = """
        assert web.succeed("echo one", "echo two") == "one\\ntwo\\n"
        web.succeed("echo fine", "echo the reason; exit 42", "touch not-reached")
    """
    result = run_driver(script).must_fail("web: output: the reason")
    result.must_blame("command `echo the reason; exit 42` failed (exit code 42)")
    result.must_not_say("must succeed: touch")


def test_fail_wants_every_command_to_fail(run_driver: RunDriver) -> None:
    script = """
        assert web.fail("echo one; false", "echo two; exit 9") == "one\\ntwo\\n"
        web.fail("true")
    """
    run_driver(script).must_fail().must_blame("command `true` unexpectedly succeeded")


def test_commands_run_with_strict_options(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        assert web.execute("false; echo not reached") == (1, "")
        assert web.execute("false | cat") == (1, "")
        assert web.execute('echo "$not_set"')[0] != 0
        assert web.execute("set -o | grep pipefail") == (0, "pipefail       \\ton\\n")
        """,
    )


def test_each_command_has_a_shell_of_its_own(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        web.succeed("cd /; x=5; exec 5>&1")
        assert web.succeed("pwd; echo ${x-unset}") == web.succeed("pwd; echo unset")
        """,
    )


def test_check_return_and_check_output(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        assert web.execute("echo out; exit 5", check_return=False) == (-1, "out\\n")
        assert web.execute("echo out; touch done", check_output=False) == (-2, "")
        web.wait_until_succeeds("test -e done", timeout=20)
        """,
    )


def test_command_without_output_check_runs_in_the_background(run_driver: RunDriver) -> None:
    result = check(run_driver, 'assert web.execute("sleep 600", check_output=False) == (-2, "")')
    assert result.seconds < AT_ONCE


# ------------------------------------------------------------------------------------ command texts


def test_any_command_text_works(run_driver: RunDriver) -> None:
    check(
        run_driver,
        r"""
        def says(command, text):
            found = web.succeed(command)
            assert found == text, (command, found)

        says("echo \"it's\" 'a \"quote\"'", "it's a \"quote\"\n")
        says("echo one\necho two\n", "one\ntwo\n")
        says("cat <<'END'\n$not `expanded` \\ here\nEND\n", "$not `expanded` \\ here\n")
        says("cat <<END\n$((1 + 1))\nEND", "2\n")
        says("echo one # a comment", "one\n")
        says("echo 'tab\there' $'bell\a' ünï ☃", "tab\there bell\a ünï ☃\n")
        says("printf %s '!$&*(){}[]<>;|~?#%^'", "!$&*(){}[]<>;|~?#%^")
        says("", "")
        says("   \n\n", "")
        says("(echo a; (echo b)) | { cat; echo c; }", "a\nb\nc\n")
        says("if true; then\n  echo yes\nfi", "yes\n")
        says("echo 'a\\\nb'", "a\\\nb\n")
        """,
    )


def test_syntax_error_of_a_command_is_its_own(run_driver: RunDriver) -> None:
    result = check(
        run_driver,
        """
        for broken in ('echo "', "if true", "cat <<END", ")", "echo $("):
            assert web.execute(broken, timeout=20)[0] in (0, 1, 2, 127), broken
        """,
    )
    assert result.seconds < 2 * AT_ONCE


def test_command_of_a_megabyte(run_driver: RunDriver) -> None:
    check(
        run_driver,
        r"""
        text = "".join(f"line {i} 'quoted' $HOME\n" for i in range(40_000))
        assert len(text) > 1_000_000
        assert web.succeed(f"cat <<'END'\n{text}END\n") == text
        """,
    )


def test_command_sizes_around_the_limits_of_a_line(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        for size in (4095, 4096, 65_530, 65_536, 65_537, 131_071, 131_072, 131_073):
            assert web.succeed("echo " + "x" * size) == "x" * size + "\\n", size
        """,
    )


def test_stdin_of_a_command_is_not_the_channel(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        status, output = web.execute("cat >/dev/null", timeout=1)
        assert status in (0, 1, 124), status
        """,
    )


# ------------------------------------------------------------------------------------------- output


def test_output_of_any_bytes_is_text(run_driver: RunDriver) -> None:
    check(
        run_driver,
        r"""
        assert web.succeed(r"printf 'a\0b\377c\303'") == "a\0b\ufffdc\ufffd"
        assert web.succeed(r"printf '\r\n\t\033[1m'") == "\r\n\t\x1b[1m"
        assert web.succeed("printf 'no newline'") == "no newline"
        assert web.succeed("printf '\\n\\n'") == "\n\n"
        """,
    )


def test_ten_megabytes_of_output(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        text = web.succeed("seq 1 1500000")
        assert len(text) > 10_000_000
        assert text.startswith("1\\n2\\n") and text.endswith("1499999\\n1500000\\n")
        assert len(web.succeed("head -c 5000000 /dev/urandom | base64 -w0")) == 6666668
        """,
    )


def test_stderr_goes_to_the_console(run_driver: RunDriver) -> None:
    result = check(run_driver, 'assert web.succeed("echo out; echo err >&2") == "out\\n"')
    result.must_say("web # err\n")


def test_output_that_looks_like_protocol_is_output(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        assert web.succeed("echo ntd-0123456789abcdef0123456789abcdef 0") == (
            "ntd-0123456789abcdef0123456789abcdef 0\\n"
        )
        processes = web.succeed("ps ax -o args; cat /proc/*/cmdline || true")
        assert "ps ax -o args" in processes
        """,
    )


# ------------------------------------------------------------------ who holds the output, time-outs


def test_output_is_complete_when_the_last_holder_is_gone(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        assert web.succeed("(sleep 0.5; echo late) & echo early") == "early\\nlate\\n"
        """,
    )


def test_holder_of_an_output_is_named_after_ten_seconds(run_driver: RunDriver) -> None:
    script = """
        assert web.succeed("sleep 11.5 & echo done") == "done\\n"
    """
    result = check(run_driver, script)
    assert re.search(r"its output is held open by: \d+ sleep", result.stderr), str(result)
    assert 11.5 <= result.seconds < 11.5 + AT_ONCE


def test_daemon_that_redirects_its_output_does_not_hold_it(run_driver: RunDriver) -> None:
    result = check(run_driver, 'web.succeed("sleep 600 >&2 & echo started")')
    assert result.seconds < AT_ONCE


def test_late_answer_of_the_shell_is_not_output(run_driver: RunDriver) -> None:
    # The driver asks the shell after a second. The shell is stopped then, so it answers only after
    # the end of the command.
    check(
        run_driver,
        """
        web.succeed(
            "control=$(cut -d' ' -f4 /proc/$PPID/stat); sleep 0.8; kill -STOP $control\\n"
            "(sleep 1; kill -CONT $control) >/dev/null 2>&1 & sleep 0.5"
        )
        """,
    )


def test_time_out_is_status_124(run_driver: RunDriver) -> None:
    result = check(
        run_driver,
        """
        import datetime
        assert web.execute("echo begun; sleep 600", timeout=1) == (124, "begun\\n")
        limit = datetime.timedelta(seconds=0.5)
        assert web.execute("sleep 600 & sleep 600; wait", timeout=limit)[0] == 124
        assert web.execute("sleep 600 | sleep 600", timeout=0.5)[0] == 124
        """,
    )
    assert 2 <= result.seconds < 2 + AT_ONCE


def test_time_out_of_a_command_that_ignores_sigterm(run_driver: RunDriver) -> None:
    result = check(
        run_driver,
        """
        command = "trap '' TERM; echo begun; while true; do sleep 600; done"
        assert web.execute(command, timeout=1) == (124, "begun\\n")
        """,
    )
    assert result.seconds < 1 + 2 + AT_ONCE


def test_time_out_while_output_floods(run_driver: RunDriver) -> None:
    result = check(
        run_driver,
        """
        status, output = web.execute("yes", timeout=1)
        assert status == 124 and set(output) == {"y", "\\n"}
        """,
    )
    assert result.seconds < 10 * AT_ONCE


def test_no_time_out(run_driver: RunDriver) -> None:
    check(run_driver, 'assert web.execute("echo x", timeout=None) == (0, "x\\n")')


def test_succeed_with_a_time_out(run_driver: RunDriver) -> None:
    result = run_driver('web.succeed("sleep 600", timeout=1)').must_fail()
    result.must_blame("command `sleep 600` failed (exit code 124)")
    assert result.seconds < 1 + AT_ONCE


def test_wait_until_succeeds_tries_again(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        command = 'echo x >>tries; wc -l <tries; test $(wc -l <tries) -ge 3'
        assert web.wait_until_succeeds(command) == "3\\n"
        assert web.wait_until_fails("test -e tries; rm tries") == ""
        """,
    )


def test_wait_until_succeeds_gives_up(run_driver: RunDriver) -> None:
    result = run_driver('web.wait_until_succeeds("echo no; false", timeout=1)').must_fail()
    result.must_blame("action timed out after", "RequestedAssertionFailed")
    assert 1 <= result.seconds < 1 + AT_ONCE


def test_command_that_kills_its_shell(run_driver: RunDriver) -> None:
    result = check(
        run_driver,
        """
        from test_driver.errors import MachineError
        try:
            web.execute("kill -KILL $PPID; sleep 600")
            raise SystemExit("it should have failed")
        except MachineError as error:
            assert "ended the shell that ran it" in str(error), error
        """,
    )
    assert result.seconds < 10 + 2 * AT_ONCE


@pytest.mark.parametrize("options", ["", "--no-port"])
def test_command_that_nobody_waits_for_may_kill_its_shell(
    run_driver: RunDriver, options: str
) -> None:
    script = """
        for number in range(20):
            web.execute("kill -KILL $PPID", check_output=False)
            assert web.succeed(f"echo {number}") == f"{number}\\n"
    """
    check(run_driver, script, machines={"web": options})


KILL_LATER = (
    "touch ready; until [ -e go ]; do sleep 0.01; done; kill -KILL {worker}; "
    "while kill -0 {worker}; do sleep 0.01; done; touch gone"
)


@pytest.mark.parametrize("options", ["", "--no-port"])
def test_who_has_killed_the_shell_is_named_to_the_next_command(
    run_driver: RunDriver, options: str
) -> None:
    # The worker's PID comes from an earlier command: it is the parent of commands with a result.
    script = f"""
        worker = web.succeed("echo $PPID").strip()
        web.execute("{KILL_LATER}".format(worker=worker), check_output=False)
        web.wait_until_succeeds("test -e ready", timeout=20)
        directory = web.succeed("pwd").strip()
        open(f"{{directory}}/go", "w").close()
        while not os.path.exists(f"{{directory}}/gone"):
            pass
        assert web.succeed("echo text") == "text\\n"
    """
    result = check(run_driver, script, machines={"web": options})
    result.must_say(f"it was ended by one that nobody waits for: `{KILL_LATER[:20]}")


def test_command_whose_shell_another_one_kills_is_not_the_only_one_to_blame(
    run_driver: RunDriver,
) -> None:
    script = """
        worker = web.succeed("echo $PPID").strip()
        web.execute(f"until [ -e go ]; do sleep 0.01; done; kill -9 {worker}", check_output=False)
        web.succeed("touch go; sleep 600")
    """
    result = run_driver(script).must_fail()
    result.must_blame("ended the shell that ran it, unless one did that nobody waits for: `until [")


@pytest.mark.parametrize("options", ["", "--no-port"])
@pytest.mark.parametrize("end", ["reboot", "systemctl restart backdoor.service"])
@pytest.mark.parametrize(
    "next_command",
    [
        'assert web.succeed("echo text") == "text\\n"',
        'web.execute("touch came", check_output=False); web.wait_for_file("came", timeout=20)',
        'web.copy_from_host("/etc/passwd", "came"); web.succeed("cmp came /etc/passwd")',
    ],
)
def test_shell_may_end_while_it_ends_what_was_given_up(
    run_driver: RunDriver, end: str, next_command: str, options: str
) -> None:
    # The shell has two seconds to end the command. Both ignore SIGTERM.
    script = f"""
        web.start(allow_reboot=True)
        end = "trap '' TERM; (sleep 1.3; {end}) >&2 & while :; do sleep 600; done"
        assert web.execute(end, timeout=0.1)[0] == 124
        {next_command}
    """
    check(run_driver, script, machines={"web": options})


def test_guest_that_does_not_answer_has_a_second_more_than_its_limit(
    run_driver: RunDriver,
) -> None:
    # Use the fastest of several tries: the host may be busy.
    check(
        run_driver,
        """
        import time
        web.succeed("true")
        took = []
        os.killpg(web.pid, 19)
        for _ in range(5):
            begin = time.monotonic()
            assert web.execute("true", timeout=0.1)[0] == 124
            took.append(time.monotonic() - begin)
        os.killpg(web.pid, 18)
        assert min(took) < 0.1 + 1.5, took
        """,
    )


# Ways in which a command ends the shell that runs it, and the result.
ENDS_OF_A_SHELL = {
    "poweroff; sleep 1000": "web.wait_for_shutdown()",
    "reboot; sleep 1000": "web.wait_for_shutdown()",
    "kill -KILL $(cat ~/qemu); sleep 1000": "assert not web.is_up()\nweb.wait_for_shutdown()",
    "kill -KILL $PPID; sleep 1000": "",
    "systemctl restart backdoor.service; sleep 1000": "",
}


@pytest.mark.parametrize("command", ENDS_OF_A_SHELL)
@pytest.mark.parametrize("options", ["", "--no-port", "--shell-pty"])
def test_without_a_status_the_end_of_the_shell_is_that_of_the_output(
    run_driver: RunDriver, command: str, options: str
) -> None:
    script = f"""
web.start()
web.succeed(f"echo {{web.process.pid}} >~/qemu")
status, output = web.execute("echo so far; sleep 0.3; {command}", check_return=False)
assert (status, output) == (-1, "so far\\n"), (status, output)
{ENDS_OF_A_SHELL[command]}
"""
    result = run_driver(script + IN_STEP, {"web": options}).must_succeed()
    assert result.seconds < 10 + 2 * AT_ONCE


def test_without_a_status_the_guest_may_restart(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        web.start(allow_reboot=True)
        first = web.pid
        for _ in range(3):
            assert web.execute("echo a; sleep 0.1; reboot; sleep 1000", False) == (-1, "a\\n")
            assert web.succeed("echo b") == "b\\n"
        assert web.pid == first
        """,
    )


def test_words_with_a_nul_are_refused_by_what_looks_for_them(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        for look in (
            lambda: web.wait_for_file("/a\\0b"),
            lambda: web.wait_for_unit("a\\0b"),
            lambda: web.get_unit_property("a\\0b", "Result"),
            lambda: web.wait_for_open_port(80, addr="a\\0b"),
            lambda: web.wait_for_open_unix_socket("/a\\0b"),
        ):
            with t.assertRaisesRegex(ValueError, "NUL"):
                look()
        """,
    )


def test_word_of_a_reset_may_come_after_the_greeting(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        web.start(allow_reboot=True)
        assert web.execute("reboot; sleep 1000", False)[0] == -1
        web.wait_for_qmp_event(lambda event: event["event"] == "RESET")
        assert web.succeed("echo b") == "b\\n"
        """,
        machines={"web": "--relay --fault=slow:qmp"},
    )


def test_machine_that_ended_before_is_an_error_without_a_status_as_well(
    run_driver: RunDriver,
) -> None:
    script = """
        web.succeed("true")
        web.process.kill()
        web.process.wait()
        web.execute("true", check_return=False)
    """
    run_driver(script).must_fail().must_blame("MachineDied", "before it was given the command")


def test_too_much_output_is_an_error_without_a_status_as_well(run_driver: RunDriver) -> None:
    script = 'web.execute("cat /dev/zero", check_return=False)'
    result = run_driver(script, args=["--max-output", "1M"]).must_fail()
    result.must_blame("its output is more than")


# ------------------------------------------------------------------------------------------ threads


def test_two_threads_on_one_machine(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        import threading
        wrong = []
        def work(name):
            for i in range(40):
                found = web.succeed(f"echo {name} {i}")
                if found != f"{name} {i}\\n":
                    wrong.append(found)
        threads = [threading.Thread(target=work, args=(n,)) for n in ("a", "b", "c")]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not wrong, wrong
        """,
    )


def test_machines_work_at_the_same_time(run_driver: RunDriver) -> None:
    script = """
        import threading, time
        start_all()
        for machine in machines:
            machine.connect()
        begin = time.monotonic()
        threads = [threading.Thread(target=m.succeed, args=("sleep 3",)) for m in machines]
        [t.start() for t in threads]
        [t.join() for t in threads]
        took = time.monotonic() - begin
        assert 3 <= took < 8.9, took
    """
    run_driver(script, {"a": "", "b": "", "c": ""}).must_succeed()


def test_exception_in_a_thread_does_not_end_the_test(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        import threading
        failed = []
        def work():
            try:
                web.succeed("false")
            except Exception as error:
                failed.append(str(error))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert "`false` failed" in failed[0]
        """,
    )


def test_server_in_a_thread_serves_while_a_wait_runs(run_driver: RunDriver) -> None:
    check(
        run_driver,
        '''
        import http.server, threading
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"from the host")
            def log_message(self, *args):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        get = f"""
            exec 5<>/dev/tcp/127.0.0.1/{server.server_port}
            printf 'GET / HTTP/1.0\\\\r\\\\n\\\\r\\\\n' >&5
            grep -o 'from the host' <&5
        """
        assert web.wait_until_succeeds(get, timeout=20) == "from the host\\n"
        server.shutdown()
        ''',
    )


# -------------------------------------------------------------------------------- life of a machine


def test_poweroff_and_start_again(run_driver: RunDriver) -> None:
    result = check(
        run_driver,
        """
        first = web.pid
        web.shutdown()
        assert not web.is_up()
        web.start()
        assert web.pid != first
        """,
    )
    assert result.seconds < 2 * AT_ONCE


def test_reboot_keeps_the_process(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        web.start(allow_reboot=True)
        web.succeed("echo here >mark")
        first = web.pid
        web.reboot()
        web.connect()
        assert web.pid == first
        web.fail("test -e mark")
        """,
    )


def test_connection_is_made_again_on_request(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        web.start(allow_reboot=True)
        web.succeed("true")
        web.execute("reboot", check_output=False)
        web.connected = False
        web.connect()
        """,
    )


def test_crash_ends_the_machine_at_once(run_driver: RunDriver) -> None:
    result = run_driver('web.succeed("true")\nweb.crash()\nassert not web.is_up()')
    assert result.must_succeed().seconds < AT_ONCE


def test_join_all_waits_for_every_machine(run_driver: RunDriver) -> None:
    script = """
        start_all()
        for machine in machines:
            machine.execute("poweroff", check_output=False)
        join_all()
        assert not any(machine.is_up() for machine in machines)
    """
    run_driver(script, {"a": "", "b": ""}).must_succeed()


def test_machine_without_exit_on_poweroff_is_waited_for(
    spawn_driver: SpawnDriver,
) -> None:
    script = 'web.connect()\nlog.log(f"pid {web.pid}")\nweb.shutdown()\nlog.log("down")'
    driver = spawn_driver(script, {"web": "--no-vm-exit-on-poweroff"})
    pid = int(driver.expect(r"^pid (\d+)")[1])
    driver.expect("waiting for the VM to power off")
    os.kill(pid, signal.SIGTERM)
    driver.expect("^down")
    assert driver.end() == 0


def test_guest_without_nc_is_told(run_driver: RunDriver, workspace: Workspace) -> None:
    tools = workspace.root / "tools"
    tools.mkdir()
    for tool in ("bash", "cat", "dd"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    for wait in ("open_port(1)", "closed_port(1)", "open_unix_socket('/none')"):
        scripts = {"web": workspace.start_script("web", body=f'PATH={tools} exec {FAKE_VM} "$@"')}
        result = run_driver(f"web.wait_for_{wait}", scripts=scripts).must_fail()
        result.must_blame("machine 'web': the guest has no 'nc' in its PATH")


# Waits for ports use bash in the guest: only the first check starts another program.
COUNTED_NC = """
import socket, threading
calls = web.state_dir / "guest" / "calls"
def listening(wait, later):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    thread = threading.Timer(1, later, [server])
    thread.start()
    wait(server)
    thread.join()
    return server
"""


def nc_that_counts(workspace: Workspace) -> dict[str, str]:
    tools = workspace.root / "tools"
    tools.mkdir()
    (tools / "nc").write_text(
        f'#!/bin/sh\necho x >>"$FAKE_GUEST_DIR/calls"\nexec {shutil.which("nc")} "$@"\n'
    )
    (tools / "nc").chmod(0o755)
    return {"web": f"--guest-path={tools}"}


def test_open_port_is_looked_for_without_nc(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
web.connect()
listening(lambda s: web.wait_for_open_port(s.getsockname()[1], "127.0.0.1"), lambda s: s.listen())
assert calls.read_text() == "x\\n"
"""
    run_driver(COUNTED_NC + script, nc_that_counts(workspace)).must_succeed()


def test_each_look_at_a_port_connects_once(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
web.connect()
wait = lambda s: web.wait_for_open_port(s.getsockname()[1], "127.0.0.1")
server = listening(wait, lambda s: s.listen())
server.settimeout(0.5)
server.accept()
with t.assertRaises(TimeoutError):
    server.accept()
"""
    run_driver(COUNTED_NC + script, nc_that_counts(workspace)).must_succeed()


def test_closed_port_is_what_nc_says(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
web.connect()
server = socket.create_server(("127.0.0.1", 0), backlog=1000)
threading.Timer(1, server.close).start()
web.wait_for_closed_port(server.getsockname()[1], "127.0.0.1")
assert calls.read_text() == "x\\n" * 2
"""
    run_driver(COUNTED_NC + script, nc_that_counts(workspace)).must_succeed()


def test_port_that_only_nc_understands(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
web.connect()
wait = lambda s: web.wait_for_open_port(s.getsockname()[1], "-4 127.0.0.1")
listening(wait, lambda s: s.listen())
assert len(calls.read_text()) > 1
"""
    run_driver(COUNTED_NC + script, nc_that_counts(workspace)).must_succeed()


def test_units_are_waited_for(run_driver: RunDriver) -> None:
    check(
        run_driver,
        """
        web.start()
        web.connect()
        def unit(name, text):
            (web.state_dir / "guest" / "units" / name).write_text(text)
        unit("soon.service", "ActiveState=activating\\nafter-shows=3:active\\n")
        unit("up.service", "ActiveState=active\\nMainPID=7\\n")
        web.wait_for_unit("soon.service")
        web.require_unit_state("up.service")
        assert web.get_unit_property("up.service", "MainPID") == "7"
        assert web.get_unit_info("up.service")["ActiveState"] == "active"
        """,
    )


def test_failed_unit_ends_the_wait_at_once(run_driver: RunDriver) -> None:
    script = """
        web.connect()
        (web.state_dir / "guest" / "units" / "bad.service").write_text("ActiveState=failed\\n")
        web.wait_for_unit("bad.service")
    """
    result = run_driver(script).must_fail()
    result.must_blame('unit "bad.service" reached state "failed"')
    assert result.seconds < AT_ONCE


def test_inactive_unit_without_a_job_ends_the_wait_at_once(run_driver: RunDriver) -> None:
    script = """
        web.connect()
        (web.state_dir / "guest" / "units" / "off.service").write_text("ActiveState=inactive\\n")
        web.wait_for_unit("off.service")
    """
    result = run_driver(script).must_fail()
    result.must_blame('unit "off.service" is inactive and there are no pending jobs')
    assert result.seconds < AT_ONCE


def test_keys_reach_the_monitor(run_driver: RunDriver, workspace: Workspace) -> None:
    keys = workspace.root / "keys"
    run_driver('web.start()\nweb.send_chars("aB 1\\n")', {"web": f"--keys-file={keys}"})
    assert keys.read_text().split() == ["a", "shift-b", "spc", "1", "ret"]


def test_console_takes_text(run_driver: RunDriver, workspace: Workspace) -> None:
    typed = workspace.root / "typed"
    script = """
        web.connect()
        web.send_console("yes\\n")
        web.wait_until_succeeds(f"test -s {os.environ['TYPED']}", timeout=20)
    """
    options = f"--console-input-file={typed}"
    run_driver(script, {"web": options}, env={"TYPED": str(typed)}).must_succeed()
    assert typed.read_text() == "yes\n"
