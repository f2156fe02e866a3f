from datetime import timedelta

machine.succeed("touch there")
machine.wait_for_file("there", 30)
retry(lambda last: True, timeout_seconds=5.5)
polling_condition(lambda: True, seconds_interval=1)
# What nobody is to be warned of:
machine.wait_for_file("there", timedelta(seconds=30))
machine.wait_for_file("there")
machine.wait_until_succeeds("true", timeout=None)
machine.sleep(duration=timedelta(0))
machine.send_key("a")


class Own(QemuMachine):
    def execute(self, command, check_return=True, check_output=True, timeout=None):
        return super().execute(command, check_return, check_output, timeout)


own = Own(driver.out_dir, driver.tmp_dir, machine.start_command, log, "own")
driver.machines_qemu.append(own)
assert own.succeed("echo x") == "x\n"
own.wait_for_file("/", timedelta(seconds=30))
