start_all()
for machine in machines:
    assert machine.succeed("echo $((6 * 7))") == "42\n", machine.name
assert [machine.name for machine in machines] == [
    f"{kind}{number:02}" for kind in ("client", "server") for number in range(1, 8)
]
assert os.environ["QEMU_VDE_SOCKET_1"] != os.environ["QEMU_VDE_SOCKET_2"]
