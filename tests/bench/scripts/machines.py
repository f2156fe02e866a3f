begin = time.monotonic()
start_all()
for machine in machines:
    assert machine.succeed("echo up") == "up\n"
threads = status("Threads")
for machine in machines:
    machine.crash()
seconds = time.monotonic() - begin
name = f"machines__{COUNT}__"
report(**{
    name + "seconds": [seconds],
    name + "resident": [status("VmHWM") / 1000],
    name + "threads": [threads],
})
