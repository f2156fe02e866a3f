import hashlib

data = "x" * (10 << 20)
assert machine.succeed(f"cat >file <<'END'\n{data}\nEND\nwc -c <file") == f"{len(data) + 1}\n"
digest = hashlib.sha256(f"{data}\n".encode()).hexdigest()
assert machine.succeed("sha256sum <file").split()[0] == digest
# A quote too many in it, and the shell is in step nevertheless.
assert machine.execute(f"echo '{data}")[0] not in (0, 124)
assert machine.succeed("echo in step") == "in step\n"
