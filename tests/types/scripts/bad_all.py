# Each line that says "error" has one, and the checker must find it; no others.
web.wait_for_unti("nginx")  # error: attr-defined
web.wait_for_unit(80)  # error: arg-type
web.wait_for_unit("nginx", timout=30)  # error: call-arg
web.wait_for_unit("nginx", timeout="30")  # error: arg-type
web.succeed(["ls"])  # error: arg-type
web.succeed("ls").wait()  # error: attr-defined
status, output, rest = web.execute("ls")  # error: misc
web.execute("ls", chekc_output=False)  # error: call-arg
web.send_chars(b"root")  # error: arg-type
web.wait_for_open_port([80])  # error: arg-type
web.connected = "no"  # error: assignment
web.shell.send(b"")  # error: union-attr
driver.start_al()  # error: attr-defined
log.inform("hello")  # error: attr-defined
vlan1.number + 1  # error: attr-defined
web.require_unit_state("nginx", state="active")  # error: call-arg
with web.nested(3):  # error: arg-type
    pass
