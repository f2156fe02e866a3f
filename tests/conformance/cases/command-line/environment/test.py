assert [machine.name for machine in machines] == ["one", "two"]
assert [vlan.nr for vlan in vlans] == [1, 2]
assert one.succeed("echo $((1 + 1))") == "2\n"
