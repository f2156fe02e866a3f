try:
    with subtest("may fail"):
        raise ValueError("tolerated")
except ValueError as error:
    log.log(f"caught {error}")
with subtest("outer"):
    with subtest("inner"):
        machine.succeed("exit 9")
