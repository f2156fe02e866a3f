"""Tests as distributed builds: spread over machines, after a failure, by features."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

import builders
import nix
from builders import Builder

NEEDS_KVM = 'requiredFeatures = [ "nixos-test" "kvm" ];'
TWELVE = [f"t{number:02}" for number in range(12)]


@pytest.fixture(scope="module", autouse=True)
def keys() -> None:
    builders.make_keys()


@pytest.fixture
def pair() -> Iterator[tuple[Builder, Builder]]:
    """Two build machines for tests that do not need KVM."""
    (builders.SSH / "config").unlink(missing_ok=True)
    with Builder("builder-1", "nixos-test") as first, Builder("builder-2", "nixos-test") as second:
        yield first, second
    for builder in (first, second):
        nix.empty(builder.root)


def many(names: list[str], script: str, settings: str = "") -> str:
    """A list of tests that differ only in their names; their dependencies are built already."""
    each = (
        f"({nix.test_expression(name, script, nix.fake('web'), settings=settings)})"
        for name in names
    )
    expression = f"[ {' '.join(each)} ]"
    nix.build(f"map (test: test.driver) {expression}").must_succeed()
    return expression


def test_twelve_tests_are_shared_by_two_machines(pair: tuple[Builder, Builder]) -> None:
    script = 'web.succeed("sleep 0.3")\nopen(driver.out_dir / "ran", "w").close()\n'
    tests = many(TWELVE, script)
    result = builders.build(tests, *pair).must_succeed()
    outputs = result.stdout.split()
    assert len(outputs) == 12
    for output in outputs:  # copied back to the machine that started the build
        assert nix.run("test", "-e", f"{output}/ran").returncode == 0, output
    first, second = (builder.built() for builder in pair)
    assert first | second == set(TWELVE)
    assert first and second, (first, second)
    assert not first & second, (first, second)

    again = builders.build(tests, *pair).must_succeed()
    assert (again.stdout, again.log) == (result.stdout, ""), str(again)


def start(tests: str, *pair: Builder) -> subprocess.Popen[str]:
    """Start a build in the background; its tests sleep until they are woken."""
    return subprocess.Popen(
        builders.command(tests, *pair, options=("--keep-going",)),
        env=nix.environment() | builders.ENVIRONMENT,
        cwd=nix.WORK,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wake_up() -> None:
    for pid, command in nix.processes():
        if command.startswith("sleep 654"):
            os.kill(pid, signal.SIGTERM)


def test_tests_of_a_machine_that_dies_are_run_again_elsewhere(
    pair: tuple[Builder, Builder]
) -> None:
    """Nix reports the lost test; the same command again runs only that test."""
    first, second = pair
    tests = many(["a", "b"], 'web.execute("sleep 654")\n')
    with start(tests, first, second) as process:
        nix.wait_for_process("sleep 654", count=2)
        first.kill()
        wake_up()
        log, _ = process.communicate(timeout=nix.PATIENCE)
    (lost,), (kept,) = first.built(), second.built()
    assert process.returncode != 0
    assert "error: unexpected end-of-file" in log, log
    assert f"vm-test-run-{lost}.drv' failed with exit code 1" in log, log
    assert f"vm-test-run-{kept}' from 'ssh-ng://builder-2'" in log, log

    with start(tests, first, second) as process:
        nix.wait_for_process("sleep 654")
        wake_up()
        log, _ = process.communicate(timeout=nix.PATIENCE)
    assert process.returncode == 0, log
    assert "cannot build on 'ssh-ng://builder-1'" in log, log
    assert f"vm-test-run-{lost}.drv' on 'ssh-ng://builder-2'" in log, log
    assert f"vm-test-run-{kept}.drv" not in log, log
    assert second.built() == {lost, kept}


def test_machine_without_kvm_gets_no_test_that_needs_it(pair: tuple[Builder, Builder]) -> None:
    tests = many(["kvm"], "pass", NEEDS_KVM)
    refused = builders.build(tests, *pair)
    refused.must_fail(
        "Failed to find a machine for remote build!",
        "required (system, features): (x86_64-linux, kvm, nixos-test)",
        "(x86_64-linux, 2, nixos-test, )",
    )
    with Builder("builder-3", "nixos-test kvm") as third:
        builders.build(tests, *pair, third).must_succeed()
        assert third.built() == {"kvm"}
    nix.empty(third.root)


def test_feature_that_only_the_caller_believes_in_is_refused_by_the_machine(
    pair: tuple[Builder, Builder]
) -> None:
    tests = many(["believed"], "pass", NEEDS_KVM)
    believed = dataclasses.replace(pair[0], features="nixos-test kvm")
    refused = builders.build(tests, believed)
    refused.must_fail(
        "on 'ssh-ng://builder-1' failed", "features {kvm, nixos-test}", "vm-test-run-believed.drv"
    )
    assert pair[0].built() == set()
