"""A test script that runs these functions on one guest; test_machine.py reports each of them.

The functions at the end stop the machine; the next command starts it again.
"""

import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

AT_ONCE = 120  # seconds; limit for what should happen at once, even on a slow host


def check_output_and_status():
    assert machine.execute("echo out; echo err >&2; exit 3") == (3, "out\n")


def check_shell_options():
    assert machine.execute("false | true")[0] == 1
    assert machine.execute("echo $NO_SUCH_VARIABLE")[0] == 1
    assert machine.execute("false; echo reached") == (1, "")


def check_surroundings_of_a_command():
    words = machine.succeed("pwd; echo $HOME $USER; test -t 0 && echo terminal; echo ${BASH_VERSION%%.*}")
    assert words == "/tmp\n/root root\nterminal\n5\n", words


def check_any_bytes():
    machine.succeed("printf 'a\\0b\\377c' > bytes")
    assert machine.succeed("cat bytes") == "a\0b\ufffdc"


def check_quotes_newlines_and_heredocs():
    text = """it's "quoted" $HOME \\ `x` ✓\n\n  indented"""
    assert machine.succeed(f"cat <<'END'\n{text}\nEND\n") == f"{text}\n"


def check_megabytes_of_output():
    output = machine.succeed("seq 500000")
    assert output == "".join(f"{n}\n" for n in range(1, 500001))


def check_command_of_a_megabyte():
    assert machine.succeed("x=" + "y" * (1 << 20) + "\necho ${#x}") == f"{1 << 20}\n"


def check_background_child_that_holds_the_output():
    assert machine.succeed("(echo one; sleep 2; echo two) &") == "one\ntwo\n"


def check_background_child_that_does_not():
    begin = time.monotonic()
    machine.succeed("sleep 1000 >&2 &")
    assert time.monotonic() - begin < 900  # it runs for 1000 s


def start_of(unit, options=""):
    """A command that starts a unit, which becomes active when /tmp/UNIT.go exists."""
    loop = f"until test -e /tmp/{unit}.go; do sleep 0.5; done"
    kind = f"--no-block --unit={unit} -p Type=oneshot -p RemainAfterExit=yes"
    return f'systemd-run {options} {kind} /bin/sh -c "{loop}"'


def check_unit_is_listened_to():
    machine.succeed(start_of("slow"))
    waiting = threading.Thread(target=lambda: machine.wait_for_unit("slow.service"))
    waiting.start()
    machine.wait_until_succeeds("ls /tmp/.ntd-*.out", timeout=AT_ONCE)
    machine.succeed("touch /tmp/slow.go")
    waiting.join()
    machine.require_unit_state("slow.service")
    machine.wait_until_fails("ls /tmp/.ntd-*.out || pgrep -x nc", timeout=AT_ONCE)


def check_unit_of_a_user_is_listened_to():
    machine.start_job("user@1000.service")
    start = f"XDG_RUNTIME_DIR=/run/user/1000 {start_of('hers', '--user')}"
    machine.succeed(f"su -l alice -s /bin/sh -c '{start}'")
    waiting = threading.Thread(target=lambda: machine.wait_for_unit("hers", "alice"))
    waiting.start()
    listener = "nc -U /run/user/1000/systemd/private"
    machine.wait_until_succeeds(f"pgrep -fx '{listener}'", timeout=AT_ONCE)
    machine.succeed("touch /tmp/hers.go")
    waiting.join()
    assert machine.get_unit_property("hers", "ActiveState", "alice") == "active"


def check_unit_that_does_not_come():
    machine.succeed("systemd-run --no-block --unit=never.service -p Type=oneshot sleep 1000")
    begin = time.monotonic()
    try:
        machine.wait_for_unit("never.service", timeout=3)
    except Exception as error:
        assert 'unit "never.service" is activating' in str(error), error
    assert 3 <= time.monotonic() - begin < AT_ONCE
    machine.succeed("systemctl stop never.service")


def check_time_limit():
    assert machine.execute("echo begun; sleep 1000", timeout=2) == (124, "begun\n")
    assert machine.succeed("echo in step") == "in step\n"


def check_interrupt():
    threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        machine.succeed("sleep 1000")
    except KeyboardInterrupt:
        pass
    assert machine.execute("pgrep -f 'sleep 100[0]$' | wc -l")[1] == "1\n", "only that of before"


def check_interrupt_as_the_command_ends():
    for tenths in range(4):
        try:
            threading.Timer(tenths / 10, os.kill, (os.getpid(), signal.SIGINT)).start()
            machine.wait_for_open_port(4711)
        except KeyboardInterrupt:
            pass
        assert machine.execute("echo whole") == (0, "whole\n"), tenths


def check_ports_and_files():
    machine.succeed("nc -lk 4711 >&2 & echo $! > nc.pid")
    machine.wait_for_open_port(4711)
    machine.succeed("kill $(cat nc.pid)")
    machine.wait_for_closed_port("4711")
    machine.execute("(sleep 1; touch made) >&2 &")
    machine.wait_for_file("made")


def check_shared_directory():
    (machine.shared_dir / "from-host").write_text("hello")
    assert machine.succeed("cat /tmp/shared/from-host; echo there > /tmp/shared/from-guest") == "hello"
    assert (machine.shared_dir / "from-guest").read_text() == "there\n"


def check_monitor():
    assert "VM status: running" in machine.send_monitor_command("info status")


def check_two_threads_on_one_machine():
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(machine.succeed(f"echo {n}")))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["0\n", "1\n", "2\n", "3\n"]


@contextmanager
def file_of(mebibytes):
    with NamedTemporaryFile() as file:
        for _ in range(mebibytes):
            file.write(bytes(1 << 20))
        file.flush()
        yield file.name


def check_copy_that_is_interrupted():
    machine.succeed("umount /tmp/shared")  # copies through the root shell take longer
    with file_of(2000) as large:
        threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            machine.copy_from_host(large, "large")
            raise AssertionError("it was not interrupted")
        except KeyboardInterrupt:
            pass
    assert machine.succeed("ls -A . | grep -c -e large -e '^.ntd' || true") == "0\n"


def check_copy_that_does_not_fit():
    machine.succeed("mkdir small; mount -t tmpfs -o size=1m none small")
    with file_of(8) as file, t_raises("No space left on device"):
        machine.copy_from_host(file, "small/file")
    assert machine.succeed("ls -A small; umount small") == ""


def check_screenshot():
    import struct

    machine.screenshot("screen")
    picture = (driver.out_dir / "screen.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert width >= 640 and height >= 400, (width, height)


def check_screen_text():
    # The text is the firmware's: this kernel, started without a boot loader, shows nothing.
    machine.wait_for_text(r"Booting\s+from\s+ROM", timeout=5 * AT_ONCE)
    assert "SeaBIOS" in machine.get_screen_text()
    assert len(machine.get_screen_text_variants()) == 3


def check_poweroff_in_the_middle_of_a_command():
    # On a busy host, more than two seconds may pass between the end of the shell and that of QEMU.
    with t_raises(r"QEMU .* exited with status 0 while running the command|has closed its port"):
        machine.succeed("poweroff; sleep 1000")
    machine.wait_for_shutdown()
    assert not machine.booted


def check_killed_qemu():
    machine.start()
    threading.Timer(1, lambda: os.kill(machine.pid, signal.SIGKILL)).start()
    begin = time.monotonic()
    with t_raises(r"was killed by signal 9 \(Killed\) while the guest was booting"):
        machine.wait_for_unit("default.target")
    assert time.monotonic() - begin < AT_ONCE


# ------------------------------------------------------------------------------ what runs them


class t_raises:
    """Context manager: the block must raise an Exception whose text matches the pattern."""

    def __init__(self, pattern):
        self.pattern = pattern

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        assert error is not None, f"nothing was raised; expected: {self.pattern}"
        assert isinstance(error, Exception) and re.search(self.pattern, str(error)), repr(error)
        return True


def run_all():
    import json
    import traceback

    results = {}
    for name, function in [item for item in globals().items() if item[0].startswith("check_")]:
        try:
            with subtest(name):
                function()
            results[name] = ""
        except Exception:
            results[name] = traceback.format_exc()
        (driver.out_dir / "results.json").write_text(json.dumps(results))


run_all()
