import re


def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def trips(pause):
    found = []
    for _ in range(COUNT):
        time.sleep(pause)
        found.append(seconds(lambda: machine.succeed("true")) * 1000)
    return found


def loop_ms(command):
    """Milliseconds of one, as the guest's own shell has it: the floor."""
    timed = f"a=${{EPOCHREALTIME/[.,]/}}; for ((n = 0; n < {COUNT}; n++)); do {command}; done"
    took = machine.succeed(f"{timed}; echo $((${{EPOCHREALTIME/[.,]/}} - a))")
    return [int(took) / 1000 / COUNT]


def clock_difference():
    """Our clock less the guest's, from the quickest of some questions."""
    tries = []
    for _ in range(5):
        begin = time.monotonic()
        uptime = float(machine.succeed("read up _ </proc/uptime; echo $up"))
        end = time.monotonic()
        tries.append((end - begin, (begin + end) / 2 - uptime))
    return min(tries)[1]


def unit_latency(number, difference):
    """Milliseconds from a unit's start, as systemd tells it, until the wait for it returns."""
    unit = f"bench-{number}.service"
    oneshot = f"--no-block --unit={unit} -p Type=oneshot -p RemainAfterExit=yes"
    machine.succeed(f"systemd-run {oneshot} sleep 3.{number % 10}")
    machine.wait_for_unit(unit)
    end = time.monotonic()
    shown = machine.succeed(f"systemctl show -p ActiveEnterTimestampMonotonic {unit}")
    return max(0.0, end - difference - int(re.sub(r"\D", "", shown)) / 1e6) * 1000


def cpu_of(call):
    """Percent of a processor that the machine takes meanwhile."""
    begin, used = time.monotonic(), guest_cpu(machine)
    call()
    return [(guest_cpu(machine) - used) * 100 / (time.monotonic() - begin)]


def wait_in_vain():
    oneshot = "--no-block --unit=bench-late.service -p Type=oneshot -p RemainAfterExit=yes"
    machine.succeed(f"systemd-run {oneshot} sleep 1000")
    try:
        machine.wait_for_unit("bench-late.service", timeout=10)
    except Exception as error:
        assert "timed out" in str(error), error


machine.succeed("true")
found = {"bash": loop_ms("bash -c true"), "round_trip": trips(0), "spaced": trips(0.3)}
machine.succeed(f"head -c {MIB}M /dev/zero | tr '\\0' x >/dev/shm/bench")
found["output"] = [(MIB << 20) / 1e6 / seconds(lambda: machine.succeed("cat /dev/shm/bench"))]
difference = clock_difference()
found["wait_for_unit"] = [unit_latency(number, difference) for number in range(UNITS)]
found["idle_cpu"] = cpu_of(lambda: time.sleep(5))
found["unit_wait_cpu"] = cpu_of(wait_in_vain)
report(**{f"guest__{name}": values for name, values in found.items()})
