script = os.environ["START"]
assert create_machine(f"exec {script}").name == "base"
assert create_machine(f"{script} -m 384").name == "machine", "a name is at the end"
two = create_machine(start_command=script, name="web-2")
three = create_machine(
    start_command=f"exec {script} $QEMU_OPTS -cpu 'max'", name="beacon", keep_machine_state=True
)
assert three.keep_machine_state and not two.keep_machine_state
assert machines == driver.machines == [base], "they are not of the configuration"
unnamed = create_machine("sleep 100; : ")
assert unnamed.name == "machine" and isinstance(unnamed, QemuMachine)
two.start()
assert three.succeed("echo with quotes") == "with quotes\n"
assert three.state_dir.name == "vm-state-beacon" and three.out_dir == driver.out_dir
