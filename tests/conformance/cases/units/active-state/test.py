def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


unit("web.service", ActiveState="inactive")
machine.wait_for_unit_active_state("web.service", "inactive", timeout=30)
unit("web.service", ActiveState="failed", after_shows="3:reloading")
machine.wait_for_unit_active_state("web.service", "reloading")
with t.assertRaisesRegex(AssertionError, 'action timed out after .*unit "web.service" is reloading'):
    machine.wait_for_unit_active_state("web.service", "active", 0.3)
with t.assertRaisesRegex(ValueError, "'aktive' is none that systemd knows"):
    machine.wait_for_unit_active_state("web.service", "aktive")
machine.wait_for_job("multi-user.target")
