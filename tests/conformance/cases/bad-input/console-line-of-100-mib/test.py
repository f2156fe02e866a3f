machine.succeed("{ head -c 104857600 /dev/zero | tr '\\0' x; echo; echo behind it; } >&2")
machine.wait_for_console_text("behind it", timeout=60)
text = machine.get_console_log()
assert "behind it" in text
assert text.count("x") >= 104857600
assert machine.succeed("echo in step") == "in step\n"
