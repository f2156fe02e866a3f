machine.succeed("echo '<&> on the console' >&2; echo '<tag>'")
machine.wait_for_console_text("<&>")
machine.succeed("true")
