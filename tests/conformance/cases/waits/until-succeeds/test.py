machine.succeed("(sleep 0.4; echo content > file) >/dev/null 2>&1 &")
assert machine.wait_until_succeeds("cat file") == "content\n"
assert machine.wait_until_succeeds("echo at once", 30) == "at once\n"
assert machine.wait_until_succeeds("echo n >> tries; test $(wc -l < tries) -ge 4; cat tries", timeout=30).count("n") == 4
