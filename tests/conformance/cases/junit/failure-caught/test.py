import contextlib

with contextlib.suppress(ValueError):
    with subtest("tolerated"):
        raise ValueError("not so bad")
with subtest("goes on"):
    log.log("and passes")
