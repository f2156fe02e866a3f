import json
import os
import resource
import time


def cpu():
    """Seconds of CPU that the driver has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def status(field):
    """A number of /proc/self/status: KiB of memory, threads."""
    with open("/proc/self/status") as file:
        values = dict(line.split(":", 1) for line in file)
    return int(values[field].split()[0])


def report(**samples):
    """What the run is for; called once, at its end. Two underscores stand for a dot."""
    with open(RESULT, "w") as file:
        json.dump({name.replace("__", "."): values for name, values in samples.items()}, file)


