assert alice is machines[0] and alice == machines[0] and alice != bob
by_name = {machine.name: machine for machine in machines}
ports = {alice: 8001, bob: 8002}
assert by_name["bob"] is bob and ports[bob] == 8002
for machine, text in zip((alice, bob), ["a", "b"]):
    assert machine in (alice, bob) and machine.succeed(f"echo {text}") == f"{text}\n"
assert [m.name for m in sorted(machines, key=lambda m: m.name, reverse=True)] == ["bob", "alice"]
assert f"{alice!r} {bob}" == "<QemuMachine 'alice'> <QemuMachine 'bob'>"
assert bool(alice) and isinstance(hash(alice), int)
