machine.succeed("echo to the console >&2")
machine.succeed("printf 'cleared \\033[2J screen\\n' >&2")
machine.succeed("echo last line before the end >&2")
