from pathlib import Path

source = Path(RESULT).with_name("source")
source.write_bytes(os.urandom(1 << 20) * MIB)
machine.succeed("true")


def rate(call):
    begin = time.perf_counter()
    call()
    return (MIB << 20) / 1e6 / (time.perf_counter() - begin)


into = rate(lambda: machine.copy_from_host_via_shell(str(source), "/tmp/ntd-bench-copy"))
machine.succeed("rm -f ~/ntd-bench-copy && mv /tmp/ntd-bench-copy ~/ntd-bench-copy")
copy_out = getattr(machine, "copy_from_machine", None) or machine.copy_from_vm
# What the guest's own pipe can do is the floor: no shared directory on the fake machine.
out = rate(lambda: copy_out(machine.succeed("echo ~/ntd-bench-copy").strip()))
assert (Path(machine.out_dir) / "ntd-bench-copy").stat().st_size == MIB << 20
report(**{f"{KIND}__in": [into], f"{KIND}__out": [out]})
