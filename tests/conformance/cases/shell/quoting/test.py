assert machine.succeed("""echo "double 'single' inside" 'and "back"'""") == (
    "double 'single' inside and \"back\"\n"
)
assert machine.succeed("echo 'it'\\''s'") == "it's\n"
assert machine.succeed("echo \\\n  one \\\n  two") == "one two\n"
assert machine.succeed("echo \"$((1+1)) `echo tick` \\$HOME \\\\ #x\" # comment") == "2 tick $HOME \\ #x\n"
assert machine.succeed("echo '{\"a\": [1, {}]}' '%s %d' '!!' '~' '*'") == '{"a": [1, {}]} %s %d !! ~ *\n'
assert machine.succeed("echo ✓ → “quotes” ünï") == "✓ → “quotes” ünï\n"
machine.fail("echo passed | grep -v ✓ | grep ✓")
