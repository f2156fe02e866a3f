def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


machine.wait_for_unit("multi-user.target")
unit("web.service", ActiveState="active")
machine.wait_for_unit("web.service")
machine.wait_for_unit("web")
unit("slow.service", ActiveState="activating", after_shows="4:active")
machine.wait_for_unit("slow.service", None, 30)
assert machine.get_unit_property("slow.service", "ActiveState") == "active"
