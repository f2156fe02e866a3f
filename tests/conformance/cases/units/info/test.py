def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


unit("web.service", ActiveState="active", Environment="A=1 B=x=y", Description="", ExecStart="{ path=/bin/web ; argv[]=web --port=80 }")
info = machine.get_unit_info("web.service")
assert info["ActiveState"] == "active"
assert info["Environment"] == "A=1 B=x=y"
assert info["Description"] == ""
assert info["ExecStart"] == "{ path=/bin/web ; argv[]=web --port=80 }"
assert info["Id"] == "web.service" and info["LoadState"] == "loaded"
assert machine.get_unit_property("web.service", "Environment") == "A=1 B=x=y"
assert machine.get_unit_property("web.service", "Description") == ""
assert machine.get_unit_info("no-such.service")["LoadState"] == "not-found"
