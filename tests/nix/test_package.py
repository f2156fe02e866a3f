"""Build nix/package.nix from source in the sandbox, with its unit tests; then use it."""

from __future__ import annotations

import nix

BUILD = 3000.0  # seconds for compiling everything, which takes a tenth of that on an idle host

# Checks Python packages from the test's options, and the programs in PATH before the caller's.
SCRIPT = """
    import os
    import shutil

    import greeting
    import test_driver.machine

    assert greeting.greet("machine") == "hello machine"
    store = os.environ["NIX_STORE"]
    assert str(test_driver.machine.__file__).startswith(store), test_driver.machine.__file__
    for program in ("qemu-system-x86_64", "vde_switch", "socat", "nsenter", "tesseract", "convert"):
        path = shutil.which(program)
        assert path and path.startswith(store), f"{program}: {path}"
    assert shutil.which("systemd-nspawn") is None
    assert machine.succeed("echo up") == "up\\n"
"""


def test_package_is_built_checked_and_used() -> None:
    expression = nix.test_expression(
        "package",
        SCRIPT,
        nix.fake("machine"),
        settings="extraPythonPackages = ps: [ ps.greeting ]; enableOCR = true;",
        pkgs=nix.standin(prebuilt=False),
        check=True,
    )
    result = nix.build(expression, limit=BUILD).must_succeed()
    result.must_say("100% tests passed", "unit.machine", "test script finished in ")
