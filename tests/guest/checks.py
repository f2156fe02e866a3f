"""Run by the driver on one guest, one function after the other; test_machine.py reports each.

The functions at the end stop the machine; the next command starts it again.
"""

import hashlib
import os
import re
import shutil
import signal
import threading
import time


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
    assert time.monotonic() - begin < 60


def check_time_limit():
    assert machine.execute("echo begun; sleep 1000", timeout=2) == (124, "begun\n")
    assert machine.succeed("echo in step") == "in step\n"


def check_command_that_kills_its_shell():
    with t_raises("ended the shell"):
        machine.succeed("kill -9 $PPID")
    assert machine.succeed("echo in step") == "in step\n"


def check_interrupt():
    threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        machine.succeed("sleep 1000")
    except KeyboardInterrupt:
        pass
    assert machine.execute("pgrep -f 'sleep 100[0]$' | wc -l")[1] == "1\n", "only that of before"


def check_units():
    machine.wait_for_unit("default.target")
    machine.require_unit_state("multi-user.target")
    assert machine.get_unit_info("backdoor.service")["ActiveState"] == "active"
    assert machine.systemctl("is-active backdoor.service") == (0, "active\n")
    with t_raises("is inactive and there are no pending jobs"):
        machine.wait_for_unit("rescue.target")


def check_failed_unit():
    machine.execute("systemd-run --unit=broken false; systemctl start broken")
    with t_raises('unit "broken" reached state "failed"|no pending jobs'):
        machine.wait_for_unit("broken")


def check_ports_and_files():
    machine.succeed("nc -lk 4711 >&2 & echo $! > nc.pid")
    machine.wait_for_open_port(4711)
    machine.succeed("kill $(cat nc.pid)")
    machine.wait_for_closed_port("4711")
    machine.execute("(sleep 1; touch made) >&2 &")
    machine.wait_for_file("made")


def check_standard_error_goes_to_the_console():
    machine.succeed("echo to-the-console >&2")
    retry(lambda last: "to-the-console" in machine.get_console_log(), 60)
    assert "systemd[1]: " in machine.get_console_log()


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


def copy_there_and_back(size):
    """A file of that many bytes and a tree with it; MB/s in both directions into the log."""
    source = driver.out_dir / "source"
    (source / "a tree" / "-it's\nodd").mkdir(parents=True)
    (source / "a tree" / "link").symlink_to("-it's\nodd")
    (source / "file").write_bytes(os.urandom(size))
    (source / "file").chmod(0o640)
    begin = time.monotonic()
    machine.copy_from_host(str(source), "~/made/copy")
    middle = time.monotonic()
    machine.copy_from_machine("~/made/copy/file", "back")
    end = time.monotonic()
    rates = [size / 1e6 / seconds for seconds in (middle - begin, end - middle)]
    log.log("copied {:.1f} MB/s to the machine, {:.1f} MB/s from it".format(*rates))
    machine.copy_from_machine("~/made/copy/a tree", "back")
    wanted = hashlib.sha256((source / "file").read_bytes()).hexdigest()
    assert machine.succeed("sha256sum ~/made/copy/file").split()[0] == wanted
    assert machine.succeed("stat -c '%a %u %g' ~/made/copy/file") == "640 0 0\n"
    back = driver.out_dir / "back"
    assert hashlib.sha256((back / "file").read_bytes()).hexdigest() == wanted
    assert (back / "file").stat().st_mode & 0o7777 == 0o640
    assert os.readlink(back / "a tree" / "link") == "-it's\nodd"
    machine.succeed("rm -r ~/made")
    for directory in (source, back):
        shutil.rmtree(directory)


def check_copy_through_the_shared_directory():
    copy_there_and_back(64 << 20)
    assert (machine.shared_dir / "from-machine" / "~" / "made" / "copy" / "file").exists()


def check_copy_through_the_shell():
    machine.succeed("umount /tmp/shared")
    copy_there_and_back(8 << 20)
    machine.copy_from_host_via_shell("/etc/passwd", "~/.ssh/x")
    assert machine.succeed("wc -c <~/.ssh/x") == f"{os.path.getsize('/etc/passwd')}\n"


def check_copy_that_is_interrupted():
    threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        machine.copy_from_host("/dev/zero", "endless")
    except KeyboardInterrupt:
        pass
    assert machine.succeed("ls -A . | grep -c -e endless -e '^.ntd' || true") == "0\n"


def check_copy_that_does_not_fit():
    machine.succeed("mkdir small; mount -t tmpfs -o size=1m none small")
    with t_raises("No space left on device"):
        machine.copy_from_host("/dev/zero", "small/file")
    assert machine.succeed("ls -A small; umount small") == ""


def check_screenshot():
    import struct

    machine.screenshot("screen")
    picture = (driver.out_dir / "screen.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert width >= 640 and height >= 400, (width, height)


def check_screen_text():
    # The firmware's: this kernel, started without a boot loader, leaves the screen alone.
    machine.wait_for_text(r"Booting\s+from\s+ROM", timeout=120)
    assert "SeaBIOS" in machine.get_screen_text()
    assert len(machine.get_screen_text_variants()) == 3


def check_shutdown_and_start_again():
    machine.shutdown()
    assert not machine.booted
    assert machine.succeed("echo up again") == "up again\n"


def check_poweroff_in_the_middle_of_a_command():
    with t_raises(r"QEMU .* exited with status 0 while running the command"):
        machine.succeed("poweroff; sleep 1000")
    machine.wait_for_shutdown()
    assert not machine.booted


def check_reboot_on_the_same_channel():
    machine.start(allow_reboot=True)
    boot = machine.succeed("cat /proc/sys/kernel/random/boot_id")
    machine.execute("reboot", check_output=False)
    machine.connected = False
    assert machine.succeed("cat /proc/sys/kernel/random/boot_id") != boot


def check_crash():
    machine.crash()
    assert not machine.booted


def check_killed_qemu():
    machine.start()
    threading.Timer(1, lambda: os.kill(machine.pid, signal.SIGKILL)).start()
    begin = time.monotonic()
    with t_raises(r"was killed by signal 9 \(Killed\) while the guest was booting"):
        machine.wait_for_unit("default.target")
    assert time.monotonic() - begin < 10


# ------------------------------------------------------------------------------ what runs them


class t_raises:
    """The block raises an Exception whose text has the pattern in it."""

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
