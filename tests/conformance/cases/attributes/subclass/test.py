class Container(QemuMachine):
    calls = []

    def execute(self, command, *args, **kwargs):
        self.calls.append(command)
        return super().execute(command, *args, **kwargs)

    def wait_for_unit(self, unit, user=None, timeout=900):
        self.succeed(f"echo service {unit}")


own = Container(
    out_dir=machine.out_dir,
    tmp_dir=machine.tmp_dir,
    start_command=os.environ["START"],
    logger=log,
    name="own",
)
driver.machines_qemu.append(own)
own.wait_for_unit("sshd")
assert own.calls == ["echo service sshd"], own.calls
own.wait_for_file("/etc/passwd")
assert len(own.calls) == 2 and "/etc/passwd" in own.calls[1]
assert repr(own) == "<Container 'own'>"
