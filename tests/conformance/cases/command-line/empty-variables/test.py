assert [m.name for m in machines] == ["machine"] and vlans == [] and machines_nspawn == []
