assert [machine.name for machine in machines] == sorted(["web-1", "db", "Mail"])
assert "machine" not in globals()
assert [m for m in machines if m.booted] == []
assert machines_qemu == driver.machines_qemu and sorted(
    machine.name for machine in machines_qemu
) == ["Mail", "db", "web-1"]
assert machines_nspawn == []
