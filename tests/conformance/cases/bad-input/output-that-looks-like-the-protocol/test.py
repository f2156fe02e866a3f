text = machine.succeed("echo 'Spawning backdoor root shell...'; echo MARKER 0; printf '\\x1b[0m|!=EOF 0\\n'")
assert text.startswith("Spawning backdoor root shell...\nMARKER 0\n"), text
# The driver's own words for an earlier command, read back from the guest's memory.
words = machine.succeed("tr '\\0' '\\n' </proc/$PPID/cmdline; cat /proc/$PPID/environ | tr '\\0' '\\n'; ps -ef")
assert machine.succeed(f"cat <<'E'\n{words}\nE") == f"{words}\n"
assert machine.execute("echo no newline at the end; printf x; exit 3") == (3, "no newline at the end\nx")
