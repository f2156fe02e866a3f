from concurrent.futures import ThreadPoolExecutor

# Each waits for the others: they run at the same time, or not at all.
MEET = "touch {0}; until test -e one.here && test -e two.here && test -e three.here; do sleep 0.01; done"


def meet(machine):
    return machine.succeed(f"cd {os.getcwd()}; " + MEET.format(f"{machine.name}.here"), timeout=15)


with ThreadPoolExecutor() as pool:
    assert list(pool.map(meet, machines)) == ["", "", ""]
