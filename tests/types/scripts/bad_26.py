# Each line that says "error" has one, and the checker must find it; no others.
debug.breakpoint(prt=4444)  # error: call-arg
box.wait_for_unti("nginx")  # error: attr-defined
box.succeed(1)  # error: arg-type
create_machine("start", name=3)  # error: arg-type
machines_qemu.append(box)  # error: arg-type
driver.machines_qemu.append(vlan1)  # error: arg-type
