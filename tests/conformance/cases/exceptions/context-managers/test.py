from contextlib import ExitStack, contextmanager, suppress

order = []


@contextmanager
def mounted(path):
    machine.succeed(f"echo mounting {path}")
    try:
        yield path
    finally:
        order.append(machine.succeed(f"echo unmounted {path}").strip())


with suppress(Exception), mounted("/a"), mounted("/b"):
    machine.succeed("false")
with ExitStack() as stack:
    stack.enter_context(subtest("on a stack"))
    stack.callback(machine.log, "leaving")
    assert stack.enter_context(mounted("/c")) == "/c"
assert order == ["unmounted /b", "unmounted /a", "unmounted /c"]
