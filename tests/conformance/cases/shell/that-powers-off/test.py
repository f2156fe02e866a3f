machine.succeed("touch ~/kept; echo systemd-shutdown >&2")
machine.execute("poweroff", check_output=False)
machine.wait_for_shutdown()
assert not machine.booted
assert "systemd-shutdown" in machine.get_console_log()
machine.succeed("test -e ~/kept")
