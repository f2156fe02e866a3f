import struct

with subtest("the session"):
    machine.wait_for_x()
    machine.succeed("test -e /tmp/.X11-unix/X0")

with subtest("windows"):
    machine.wait_for_window("xterm")
    assert any("xterm" in name for name in machine.get_window_names()), machine.get_window_names()
    machine.succeed("xterm -T 'Another (1): \"one\"' -e sleep 1000 >&2 &")
    machine.wait_for_window(r'^Another \(1\): "one"$')
    machine.succeed("pkill -f 'sleep 100[0]'")
    retry(lambda _: not any("Another" in name for name in machine.get_window_names()), 60)

with subtest("windows that do not come"):
    with t.assertRaisesRegex(Exception, "action timed out"):
        machine.wait_for_window("no such window", timeout=1)

with subtest("keyboard and screen"):
    machine.send_chars("clear; echo conformance $((6 * 7)) | tr a-z A-Z >typed; cat typed\n")
    machine.wait_for_file("/root/typed")
    assert machine.succeed("cat /root/typed") == "CONFORMANCE 42\n"
    machine.wait_for_text(r"CONFORMANCE\s+42", timeout=300)
    assert "CONFORMANCE" in machine.get_screen_text()
    variants = machine.get_screen_text_variants()
    assert len(variants) > 1 and any("CONFORMANCE" in text for text in variants), variants

with subtest("screenshot"):
    machine.screenshot("desktop")
    picture = (driver.out_dir / "desktop.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) > (800, 600)

with subtest("key combinations"):
    machine.send_key("ctrl-d")  # ends the terminal's shell, and with it the session
    machine.wait_until_fails("pgrep xterm")
