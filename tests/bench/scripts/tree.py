from pathlib import Path

source = Path(RESULT).with_name("tree")
for number in range(FILES):
    directory = source / f"{number // 200}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{number}").write_bytes(b"x" * (number % 4000))
machine.succeed("true")


def rate(call):
    begin = time.perf_counter()
    call()
    return FILES / (time.perf_counter() - begin)


into = rate(lambda: machine.copy_from_host_via_shell(str(source), "~/copy"))
copy_out = getattr(machine, "copy_from_machine", None) or machine.copy_from_vm
out = rate(lambda: copy_out(machine.succeed("echo ~/copy").strip()))
assert len(list((Path(machine.out_dir) / "copy").rglob("*"))) == len(list(source.rglob("*")))
report(copy__tree_in=[into], copy__tree_out=[out])
