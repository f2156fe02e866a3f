target = create_machine(installer.start_command, name="target")
driver.machines.append(target)
target.start()
assert target.succeed("echo new") == "new\n"
