assert machine.succeed("echo $USER") == "root\n"
assert machine.succeed("echo ~").rstrip() == machine.succeed("echo $HOME").rstrip()
machine.succeed("env | grep '^PATH='")
# Nothing of the driver's own environment.
machine.fail("printenv FROM_THE_HOST")
