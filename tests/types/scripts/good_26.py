# What came with NixOS 26.05.
from test_driver.duration import Duration
from test_driver.polling_condition import PollingCondition


class Router(QemuMachine):
    def wait_for_unit(
        self, unit: str, user: str | None = None, timeout: Duration | None = 900
    ) -> None:
        self.wait_until_succeeds(f"service {unit} status", timeout)


def kernel_of(machine: BaseMachine) -> str:
    return machine.succeed("uname -r")


def same_kernel(first: QemuMachine, second: NspawnMachine | None) -> bool:
    return second is None or kernel_of(first) == kernel_of(second)


t.assertTrue(same_kernel(web, box))
with t.assertRaises(Exception):
    web.succeed("false")
debug.breakpoint()
dump_machine_ssh()
extra = create_machine("run-extra-vm", name="extra", keep_machine_state=True)
driver.machines_qemu.append(extra)
assert [machine.name for machine in machines_qemu] and not machines_nspawn
condition = driver.polling_condition(lambda: True, seconds_interval=0.5)
condition.wait(timeout=10)
conditions: list[PollingCondition] = [condition]
retry(lambda last: bool(last), timeout_seconds=5)
