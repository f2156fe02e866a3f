assert [machine.name for machine in machines] == ["one", "two"]
assert [vlan.nr for vlan in vlans] == [1, 2]
