dictionary = create_machine({"startCommand": "run-some-vm", "name": "from-a-dict"})
old = create_machine("run-some-vm", name="old", keep_vm_state=True)
assert [dictionary.name, old.name, old.keep_machine_state] == ["from-a-dict", "old", True]
