with subtest("what is in the log"):
    machine.succeed("echo of the kernel >/dev/kmsg")
    machine.succeed("logger of the journal")
    machine.succeed("echo of a command >&2")
    parts = ("of the kernel", "of the journal", "of a command", "systemd[1]: ")
    retry(lambda _: all(part in machine.get_console_log() for part in parts), 60)
    earlier = machine.get_console_log()
    assert machine.get_console_log().startswith(earlier), "it only grows"

with subtest("matches over several lines, each used up"):
    machine.succeed("echo one >&2; echo two >&2; echo three >&2; echo two >&2")
    machine.wait_for_console_text(r"one\r?\ntwo", timeout=300)
    machine.wait_for_console_text("two", timeout=300)
    with t.assertRaisesRegex(Exception, "action timed out"):
        machine.wait_for_console_text("two", timeout=1)

with subtest("thousands of lines at once"):
    machine.succeed("seq 3000 >&2; echo after them >&2")
    machine.wait_for_console_text("after them", timeout=300)
    assert "\n2999\n" in machine.get_console_log()

with subtest("typing on the console"):
    machine.execute("(read -r line; echo \"got: $line\") </dev/ttyS0 >/dev/ttyS0 2>&1 &")
    machine.send_console("some words\n")
    machine.wait_for_console_text("got: some words", timeout=300)

with subtest("a prompt, and the answer to it"):
    ask = "read -rp 'passphrase: ' answer; echo \"GOT=$answer\""
    machine.execute(f"({ask}) </dev/ttyS0 >/dev/ttyS0 2>&1 &")
    machine.wait_for_console_text("passphrase: ", timeout=300)
    machine.send_console("secret\n")
    machine.wait_for_console_text("GOT=secret", timeout=300)

with subtest("a bar of progress"):
    machine.execute("printf '10%%\\r55%%\\r' >/dev/ttyS0; sleep 20; echo >/dev/ttyS0", check_output=False)
    machine.wait_for_console_text("55%", timeout=100)

with subtest("a new start, a new log"):
    machine.succeed("echo of the first boot >&2")
    machine.wait_for_console_text("of the first boot", timeout=300)
    machine.shutdown()
    assert "of the first boot" in machine.get_console_log()
    machine.start()
    assert "of the first boot" not in machine.get_console_log()
    machine.succeed("echo of the new boot >&2")
    machine.wait_for_console_text("of the new boot", timeout=300)
