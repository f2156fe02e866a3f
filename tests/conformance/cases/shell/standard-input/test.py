# Whatever it is, it is not what the driver says to the shell.
machine.execute("cat >/dev/null; true", timeout=0.5)
machine.execute("head -c 1 | wc -c", timeout=0.5)
assert machine.succeed("echo in step") == "in step\n"
assert machine.succeed("while read line; do echo $line; done <<< 'a'") == "a\n"
