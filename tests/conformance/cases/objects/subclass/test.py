class Recording(QemuMachine):
    commands = []

    def execute(self, command, *args, **kwargs):
        self.commands.append(command)
        return super().execute(command, *args, **kwargs)

    def start(self, allow_reboot=False):
        self.log("starting in a way of its own")
        super().start(allow_reboot)
        self.started = True


class Impatient(Recording):
    def wait_for_unit(self, unit, user=None, timeout=5):
        super().wait_for_unit(unit, user, timeout)

    def get_unit_property(self, unit, property, user=None):
        return "active" if unit == "pretended.service" else "failed"


machine = Impatient(
    out_dir=driver.out_dir,
    tmp_dir=base.tmp_dir,
    start_command=os.environ["START"],
    logger=log,
    name="mine",
)
driver.machines_qemu.append(machine)
assert machine.succeed("echo one", "echo two") == "one\ntwo\n" and machine.started
machine.fail("false")
machine.wait_until_succeeds("echo three")
assert machine.commands == ["echo one", "echo two", "false", "echo three"]
machine.wait_for_unit("pretended.service")
with t.assertRaises(Exception):
    machine.wait_for_unit("other.service")
assert repr(machine) == "<Impatient 'mine'>"
