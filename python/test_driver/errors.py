"""What can go wrong in a test."""


class MachineError(Exception):
    """Something about a machine itself: it does not start, boot, or answer."""


class MachineDied(MachineError, BrokenPipeError):
    """The machine's process ended while it was needed.

    It is a BrokenPipeError, too, because that is what scripts catch around ``shutdown()`` of a
    machine that has gone already.
    """


class RequestedAssertionFailed(AssertionError):
    """What the test asked for did not hold."""
