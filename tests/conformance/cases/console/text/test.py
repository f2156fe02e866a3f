import re

machine.start()
machine.wait_for_console_text("Run /init as init process")
machine.wait_for_console_text(r"NixOS Stage \d")
machine.wait_for_console_text(re.compile("backdoor|Startup FINISHED", re.IGNORECASE), timeout=10)
machine.succeed("echo alpha >&2; echo beta >&2")
machine.wait_for_console_text(r"alph.\nbeta", 10)
machine.succeed("echo first >&2; echo middle >&2; echo last >&2")
machine.wait_for_console_text(r"first[\s\S]*last", timeout=10)
# What matched is in the log already.
assert "last" in machine.get_console_log()
