assert [vlan.nr for vlan in vlans] == [5] and [m.name for m in machines] == ["machine"]
