def now():
    return time.monotonic() * 1000


begin = now()
start_all()
started = now()
for machine in machines:
    machine.succeed("true")
end = now()
report(
    start_all=[started - begin],
    first_commands=[end - started],
    script=[end - begin],
    each=[(end - begin) / len(machines)],
    resident=[status("VmHWM") / 1000],
    threads=[status("Threads")],
)
