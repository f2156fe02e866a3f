from pathlib import Path

source = Path(RESULT).with_name("source")
source.write_text("of the output, not of what makes it\n"[-32:] * (MIB << 15))
size = MIB << 20


def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


machine.succeed("true")
trips = [seconds(lambda: machine.succeed("true")) * 1000 for _ in range(COUNT)]
machine.copy_from_host_via_shell(str(source), "/tmp/warm-up") if MIB < 16 else None
into = seconds(lambda: machine.copy_from_host_via_shell(str(source), "/dev/shm/bench"))
output = seconds(lambda: machine.succeed("cat /dev/shm/bench"))
copy_out = getattr(machine, "copy_from_machine", None) or machine.copy_from_vm
out = seconds(lambda: copy_out("/dev/shm/bench"))
rates = {"copy_in": into, "output": output, "copy_out": out}
report(
    guest__round_trip=trips,
    **{f"guest__{name}": [size / 1e6 / took] for name, took in rates.items()},
)
