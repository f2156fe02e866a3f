script = base.start_command
one = create_machine(f"{script} -m 384")
assert one.name == "base"
two = create_machine(start_command=script, name="web-2")
three = create_machine(
    start_command=f"exec {script} $QEMU_OPTS -cpu 'max'", name="beacon", keep_machine_state=True
)
assert three.keep_machine_state and not two.keep_machine_state
dictionary = create_machine({"startCommand": script, "name": "from-a-dict"})
old = create_machine(script, name="old", keep_vm_state=True)
assert [dictionary.name, old.name, old.keep_machine_state] == ["from-a-dict", "old", True]
unnamed = create_machine("sleep 100; : ")
assert unnamed.name == "machine" and isinstance(unnamed, QemuMachine)
two.start()
assert three.succeed("echo with quotes") == "with quotes\n"
assert three.state_dir.name == "vm-state-beacon" and three.out_dir == driver.out_dir
