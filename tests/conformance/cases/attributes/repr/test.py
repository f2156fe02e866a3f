assert repr(machine) == "<QemuMachine 'machine'>", repr(machine)
assert str(machine) == repr(machine)
by_name = {machine.name: machine, machine: "itself"}
assert by_name["machine"] is machine and by_name[machine] == "itself"
assert machine in machines and machines.index(machine) == 0
assert machine == machines[0] and machine is machines[0] and machine != object()
assert [m for m, _ in zip(machines, range(9))] == [machine]
assert isinstance(machine, (QemuMachine, BaseMachine)) and isinstance(machine, Machine)
