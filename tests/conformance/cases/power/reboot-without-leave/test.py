machine.succeed("true")
try:
    machine.reboot()
except BrokenPipeError:
    pass  # this one is quicker than QEMU's answer
machine.wait_for_shutdown()
assert not machine.booted
