assert machine.succeed("seq 10000") == "".join(f"{n}\n" for n in range(1, 10001))
line = machine.succeed("head -c 5000000 /dev/zero | tr '\\0' x")
assert line == "x" * 5000000
assert machine.succeed("seq 1000000").count("\n") == 1000000
