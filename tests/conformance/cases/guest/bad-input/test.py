import time

from test_driver.errors import MachineError

with subtest("bytes on the serial console that are no text"):
    machine.succeed(r"printf 'a\0b\377\xc3\x28 \033[31mred\033[0m end-of-bytes\n' >/dev/ttyS0")
    machine.wait_for_console_text("end-of-bytes", timeout=300)
    assert "end-of-bytes" in machine.get_console_log()

with subtest("a line without an end"):
    machine.succeed("head -c 1000000 /dev/zero | tr '\\0' x >/dev/ttyS0; echo >/dev/ttyS0")
    machine.succeed("echo after the long line >/dev/ttyS0")
    machine.wait_for_console_text("after the long line", timeout=500)

with subtest("commands that end their shells"):
    with t.assertRaisesRegex(MachineError, "ended the shell"):
        machine.succeed("kill -9 $PPID")
    assert machine.succeed("echo in step") == "in step\n"
    assert machine.execute("kill -9 $$")[0] == 137
    assert machine.execute("exec >&- 2>&-; exit 5") == (5, "")
    assert machine.succeed("echo in step") == "in step\n"

with subtest("a reboot in the middle of a command"):
    machine.shutdown()
    machine.start(allow_reboot=True)
    with t.assertRaises(MachineError):
        machine.succeed("reboot; sleep 1000")
    machine.connected = False
    assert machine.succeed("echo up again") == "up again\n"

with subtest("a kernel panic in the middle of a command"):
    machine.crash()
    machine.start()
    machine.succeed("echo 1 >/proc/sys/kernel/sysrq")
    begin = time.monotonic()
    with t.assertRaises(MachineError):
        machine.succeed("echo c >/proc/sysrq-trigger; sleep 1000")
    assert time.monotonic() - begin < 60
    machine.wait_for_shutdown()
    assert "sysrq" in machine.get_console_log()
