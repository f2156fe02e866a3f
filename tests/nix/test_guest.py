"""The client-server example as a Nix build, with real Debian guests inside the sandbox."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

import nix

EXAMPLE = nix.ROOT / "examples" / "client-server"
BOOT = 600.0  # seconds for two emulated guests; only a hang reaches it

# The example's script, and a file for the output.
SCRIPT = """
with subtest("the example"):
    {example}
client.copy_from_machine("/etc/hostname")
client.screenshot("screen")
"""


@pytest.fixture(scope="module")
def nodes() -> str:
    """The machines of the example. Guest image and start scripts are outside of the Nix store."""
    image = Path(
        subprocess.run(
            [nix.GUEST / "build"], check=True, capture_output=True, text=True
        ).stdout.strip()
    )
    nix.configure(nix.NIX, sandbox_paths=f"{image}")
    scripts = nix.WORK / "start-scripts"
    machines = [
        line for line in (EXAMPLE / "machines").read_text().splitlines() if line and line[0] != "#"
    ]
    subprocess.run(
        [nix.GUEST / "make-start-scripts", "--image", image, "-o", scripts, *machines], check=True
    )
    names = [machine.split(":")[0] for machine in machines]
    return "".join(
        f'{name} = {{ vm = machines.debian {scripts}/run-{name}-vm "{name}"; }};' for name in names
    )


def test_client_and_server_in_the_sandbox(nodes: str) -> None:
    example = (EXAMPLE / "test.py").read_text().strip().replace("\n", "\n    ")
    expression = nix.test_expression("client-server", SCRIPT.format(example=example), nodes)
    result = nix.build(expression, limit=BOOT).must_succeed()
    result.must_say(
        "client: must succeed: curl", "client # ", "server # ", "test script finished in "
    )
    assert (result.path / "hostname").read_text() == "client\n"
    assert (result.path / "screen.png").read_bytes().startswith(b"\x89PNG")


def test_interrupted_boot_leaves_no_process(nodes: str) -> None:
    expression = nix.test_expression("interrupted", "start_all()\nclient.succeed('true')\n", nodes)
    with nix.start_build(expression) as process:
        nix.wait_for_process("qemu-system-x86_64", count=2)
        nix.wait_for_process("vde_switch")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) != 0
    nix.wait_until_no_process()
