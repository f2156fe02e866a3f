machine.start()
names = machine.succeed("echo one; echo two").split()
assert names == ["one", "three"]
