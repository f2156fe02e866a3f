one.start()
start_all()
for machine in machines:
    machine.succeed("(sleep 0.3; poweroff) >&2 &")
join_all()
assert not one.booted and not two.booted
