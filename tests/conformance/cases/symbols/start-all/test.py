def boot():
    start_all()


two.start()
pid = two.pid
boot()
assert two.pid == pid and all(machine.booted for machine in machines)
one.crash()
start_all()
assert one.booted and one.pid is not None
