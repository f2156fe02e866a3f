def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


from datetime import timedelta

unit("web.service", ActiveState="activating")
for limit in (1, 0.5, timedelta(seconds=0.5)):
    with t.assertRaisesRegex(AssertionError, "timed out"):
        machine.wait_for_unit("web.service", timeout=limit)
