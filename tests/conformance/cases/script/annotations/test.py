from dataclasses import dataclass


@dataclass
class Setup:
    target: Machine
    other: QemuMachine | None
    network: VLan | None = None
    extra: Any = None


def prepare(old: QemuMachine, helper: BaseMachine | NspawnMachine) -> Machine | None:
    assert isinstance(old, BaseMachine) and isinstance(helper, Machine)
    assert not isinstance(old, NspawnMachine)
    return old


assert prepare(machine, machine) is machine
assert Setup(machine, None).target.name == "machine"
assert Machine is QemuMachine and issubclass(QemuMachine, BaseMachine)
assert prepare.__annotations__["old"] is QemuMachine
