"""The exceptions of the driver."""


class MachineError(Exception):
    """A problem with a machine or network: for example, it does not start, boot, or answer."""


class MachineDied(MachineError, BrokenPipeError):
    """The machine's process ended while it was needed.

    It is also a BrokenPipeError, because scripts catch that around ``shutdown()`` of a machine that
    has ended already.
    """


class NoSuchSubtest(ValueError):
    """The test script has no subtest that --subtest selects."""


class SubtestsFailed(Exception):
    """Subtests have failed in a run with --keep-going; the message lists them."""


class RequestedAssertionFailed(AssertionError):
    """A check of the test failed: for example a command, or a wait that timed out."""
