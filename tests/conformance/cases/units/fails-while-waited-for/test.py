def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


from test_driver.errors import RequestedAssertionFailed

unit("web.service", ActiveState="activating", after_shows="3:failed")
try:
    machine.wait_for_unit("web.service")
except RequestedAssertionFailed as error:
    assert 'unit "web.service" reached state "failed"' in str(error), error
else:
    assert False, "the unit failed"
