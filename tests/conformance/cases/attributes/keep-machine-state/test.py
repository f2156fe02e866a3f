assert machine.keep_machine_state is True
assert create_machine("x", name="x", keep_machine_state=True).keep_machine_state is True
