import string

printable = [string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation]

with subtest("a getty"):
    machine.wait_until_tty_matches("1", "login: ", timeout=500)
    assert "login: " in machine.get_tty_text(1)

with subtest("all that can be typed"):
    machine.succeed("busybox openvt -c 2 -s sh -c 'cat >typed; echo the end'")
    for line in printable:
        machine.send_chars(f"{line} \n", delay=0.1)
    machine.send_key("ctrl-d")
    machine.wait_until_tty_matches(2, "the end", timeout=500)
    assert machine.succeed("cat typed") == "".join(f"{line} \n" for line in printable)
    for line in printable:
        assert line in machine.get_tty_text(2), machine.get_tty_text("2")

with subtest("lines that are longer than the screen is wide"):
    columns = int(machine.succeed("stty -F /dev/tty2 size").split()[1])
    lines = machine.get_tty_text(2).splitlines()
    assert {len(line) for line in lines} == {columns}, lines

with subtest("combinations of keys"):
    shown = "cat /sys/class/tty/tty0/active"
    assert machine.succeed(shown) == "tty2\n"
    machine.send_key("alt-f1")
    machine.wait_until_succeeds(f"{shown} | grep -x tty1", timeout=300)
    machine.send_key("alt-f2", delay=0)
    machine.wait_until_succeeds(f"{shown} | grep -x tty2", timeout=300)

with subtest("letters of all kinds"):
    shown = "caf\u00e9 \u2502 \u00e4\u03a9"
    machine.succeed(f"printf '\\ec%s\\r\\n' '{shown}' >/dev/tty6")
    machine.wait_until_tty_matches(6, shown, timeout=300)
    machine.wait_until_tty_matches("6", "(?m)^caf. \u2502 ", timeout=300)
    machine.succeed("echo '\u250c\u2500\u2510 \u20ac \u25cf \u0416' >/dev/tty6")
    machine.wait_until_tty_matches(6, "\u250c\u2500\u2510 \u20ac \u25cf \u0416", timeout=300)
    machine.dump_tty_contents(6)
    machine.wait_for_console_text("caf\u00e9 \u2502", timeout=300)

with subtest("in vain"):
    with t.assertRaisesRegex(Exception, "action timed out"):
        machine.wait_until_tty_matches("2", "no such text", timeout=1)

with subtest("into the log"):
    machine.succeed("echo the text of the console >/dev/tty2")
    machine.dump_tty_contents("2")
    machine.wait_for_console_text("the text of the console", timeout=300)
