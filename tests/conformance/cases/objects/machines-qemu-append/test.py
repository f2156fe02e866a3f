from test_driver.machine import QemuMachine

own = QemuMachine(
    installer.start_command, name="own", out_dir=driver.out_dir, tmp_dir=installer.tmp_dir
)
driver.machines_qemu.append(own)
assert [machine.name for machine in driver.machines] == ["installer", "own"]
own.succeed("true")
