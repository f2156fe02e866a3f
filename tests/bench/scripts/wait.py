import random
import socket
import threading

random.seed(1)
guest = machine.state_dir / "guest"


def latencies(prepare, event, wait):
    """Milliseconds from the event, at some moment, until the wait for it returns."""
    found = []
    for number in range(COUNT):
        what = prepare(number)
        moments = []

        def happen():
            time.sleep(random.uniform(LONGEST / 10, LONGEST))
            event(what)
            moments.append(time.monotonic())

        thread = threading.Thread(target=happen)
        thread.start()
        wait(what)
        end = time.monotonic()
        thread.join()
        found.append(max(0.0, end - moments[0]) * 1000)
    return found


def path_of(kind):
    return lambda number: f"{guest}/tmp/{kind}-{number}"


def touch(path):
    open(path, "w").close()


def new_socket(number):
    new = socket.socket()
    new.bind(("127.0.0.1", 0))
    return new


def set_unit(number, state="activating"):
    unit = f"bench{number}.service"
    (guest / "units" / f"{unit}.new").write_text(f"ActiveState={state}\n")
    os.replace(guest / "units" / f"{unit}.new", guest / "units" / unit)
    return number


def cost_of_looking():
    seconds = LONGEST * 2
    used = guest_cpu(machine)
    try:
        machine.wait_until_succeeds("test -e /nowhere", timeout=max(1, int(seconds)))
    except Exception as error:
        assert "timed out" in str(error), error
    return (guest_cpu(machine) - used) * 100 / max(1, int(seconds))


machine.succeed("true")
(guest / "units").mkdir(exist_ok=True)
results = {
    "file": latencies(path_of("file"), touch, machine.wait_for_file),
    "port": latencies(
        new_socket,
        lambda port: port.listen(),
        lambda port: machine.wait_for_open_port(port.getsockname()[1], "127.0.0.1"),
    ),
    "command": latencies(
        path_of("command"), touch, lambda path: machine.wait_until_succeeds(f"test -e {path}")
    ),
    "unit": latencies(
        set_unit,
        lambda number: set_unit(number, "active"),
        lambda number: machine.wait_for_unit(f"bench{number}.service"),
    ),
    "console": latencies(
        lambda number: f"ntd-bench-{number}-",
        lambda text: machine.send_console(text + "\n"),
        machine.wait_for_console_text,
    ),
    "guest_cpu": [cost_of_looking()],
}
report(**{f"wait__{name}": values for name, values in results.items()})
