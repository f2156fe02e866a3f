machine.succeed("(sleep 0.5; echo it comes) >&2 &")
machine.wait_for_console_text("it comes")
