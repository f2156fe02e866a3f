def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


unit("web.service", ActiveState="inactive", after_shows="4:active")
machine.succeed("echo '7 web.service start waiting' > $FAKE_GUEST_DIR/jobs")
machine.wait_for_unit("web.service", timeout=30)
