def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


from test_driver.errors import RequestedAssertionFailed

unit("web.service", ActiveState="inactive")
machine.require_unit_state("multi-user.target")
machine.require_unit_state("web.service", "inactive")
machine.require_unit_state("web.service", require_state="inactive")
with t.assertRaises(RequestedAssertionFailed):
    machine.require_unit_state("web.service")
