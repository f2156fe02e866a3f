assert [machine.name for machine in machines] == ["db", "web-1"]
assert web_1.succeed("echo x") == "x\n" and db.state_dir.name == "vm-state-db"
