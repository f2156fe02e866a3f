assert [machine.name for machine in machines] == ["one", "two"]
assert [vlan.nr for vlan in vlans] == [1, 2]
assert two.succeed("echo up") == "up\n" and driver.global_timeout == 3600
