start_all()
for machine in machines:
    machine.execute("poweroff", check_return=False, check_output=False)
join_all()
assert not one.booted and not two.booted
