def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


for name in ("getty@tty1.service", "dev-disk-by\\x2dlabel-nixos.device", "a b.service", "-.mount"):
    machine.succeed(f"printf 'ActiveState=active\\n' > \"$FAKE_GUEST_DIR\"/units/'{name}'")
machine.wait_for_unit("getty@tty1.service")
machine.wait_for_unit("dev-disk-by\\x2dlabel-nixos.device")
machine.wait_for_unit("a b.service")
