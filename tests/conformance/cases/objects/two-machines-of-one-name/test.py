disk = "target.qcow2"
old = create_machine(os.environ["START"], name="boot-after-install")
old.start()
(old.state_dir / disk).write_text("installed")
old.shutdown()
new = create_machine(
    os.environ["START"], name="boot-after-install", keep_machine_state=True
)
assert new.state_dir == old.state_dir
assert (new.state_dir / disk).read_text() == "installed"
assert new.succeed("echo booted") == "booted\n" and not old.booted
new.crash()
