machine.succeed("touch lock; (sleep 0.4; rm lock) >/dev/null 2>&1 &")
machine.wait_until_fails("test -e lock")
assert machine.wait_until_fails("echo last words; exit 1", 30) == "last words\n"
