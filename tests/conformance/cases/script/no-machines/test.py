assert machines == [] and vlans == [] and "machine" not in globals()
start_all()
machine = create_machine(start_command=os.environ["START"], name="first")
assert machine.succeed("echo made") == "made\n"
