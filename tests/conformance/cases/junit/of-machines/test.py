with subtest("boots"):
    machine.succeed("echo on the console >&2; echo output")
    machine.wait_for_console_text("on the console")
with subtest("is slow"):
    machine.succeed("sleep 0.3")
with subtest("fails"):
    machine.succeed("echo its output; exit 6")
