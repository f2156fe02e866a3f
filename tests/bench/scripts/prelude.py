import json
import os
import resource
import time


def cpu():
    """Seconds of CPU that the driver has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def guest_cpu(machine):
    """Seconds of CPU that the machine's processes have used, ended ones included."""
    total = 0
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(pid)] = int(fields[1]), sum(map(int, fields[11:15]))
    for pid in parents:
        above = pid
        while above in parents and above != machine.pid:
            above = parents[above][0]
        total += parents[pid][1] if above == machine.pid else 0
    return total / os.sysconf("SC_CLK_TCK")


def status(field):
    """A number of /proc/self/status: KiB of memory, threads."""
    with open("/proc/self/status") as file:
        values = dict(line.split(":", 1) for line in file)
    return int(values[field].split()[0])


def report(**samples):
    """What the run is for; called once, at its end. Two underscores stand for a dot."""
    with open(RESULT, "w") as file:
        json.dump({name.replace("__", "."): values for name, values in samples.items()}, file)


