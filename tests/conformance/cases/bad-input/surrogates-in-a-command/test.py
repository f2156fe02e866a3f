# What os.fsdecode() makes of a file name that is not UTF-8.
import os

name = os.fsdecode(b"no-utf8-\xff")
machine.succeed(f"touch {name}")
machine.succeed(r"test -e $'no-utf8-\xff'")
machine.wait_for_file(name, timeout=10)
machine.log(name)
with machine.nested(name):
    log.info(name)
with t.assertRaisesRegex(AssertionError, "exit code 3"):
    machine.succeed(f"test -e {name}; exit 3")
assert machine.succeed("echo in step") == "in step\n"
