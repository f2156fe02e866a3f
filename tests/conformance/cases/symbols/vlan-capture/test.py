from test_driver.errors import MachineError

with vlan1.capture("empty.pcap") as capture:
    pass
assert capture.path == driver.out_dir / "empty.pcap"
assert capture.path.read_bytes()[20:] == b"\1\0\0\0", "a header and no more: Ethernet"
rest = vlan1.capture(driver.out_dir / "rest.pcap")
rest.stop()
web.start()
for pull in (vlan1.disconnect, vlan1.reconnect):
    with t.assertRaisesRegex(MachineError, "machine 'web' is not on vlan 1"):
        pull(web)
