from pathlib import Path

assert driver.machines == machines == [one, two]
assert driver.machines_qemu == machines_qemu == [one, two]
assert driver.machines_nspawn == machines_nspawn == []
assert [vlan.nr for vlan in driver.vlans] == [3] and driver.vlans == vlans
assert driver.tests.startswith("from pathlib import Path")
assert isinstance(driver.out_dir, Path) and driver.out_dir.is_dir()
assert driver.logger is log and driver.polling_conditions == []
assert driver.global_timeout == driver.config.global_timeout.total_seconds() == 100
assert list(driver.config.vms) == ["one", "two"] and driver.config.vlans == [3]
assert driver.config.vms["one"].name == "one" and driver.config.containers == {}
for name in ("test_script", "run_tests", "start_all", "join_all", "create_machine"):
    assert callable(getattr(driver, name)) and name in driver.test_symbols()
driver.start_all()
assert one.booted and two.booted
