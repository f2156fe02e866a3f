target = create_machine(os.environ["START"], name="target")
driver.machines.append(target)
target.start()
assert target.succeed("echo new") == "new\n"
