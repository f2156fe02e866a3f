from test_driver.machine import QemuMachine

own = QemuMachine(
    out_dir=driver.out_dir,
    tmp_dir=installer.tmp_dir,
    start_command=os.environ["START"],
    logger=log,
    name="own",
)
driver.machines_qemu.append(own)
assert [machine.name for machine in driver.machines] == ["installer", "own"]
own.succeed("true")
