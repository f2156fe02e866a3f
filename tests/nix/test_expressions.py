"""All .nix files can be parsed, and those for users evaluate as promised; builds nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import nix

LOCK = json.loads((nix.ROOT / "flake.lock").read_text())
EXAMPLES = sorted(path.parent.name for path in (nix.ROOT / "examples").glob("*/test.nix"))

# Describes the package: additions to PATH, flags for CMake, propagated dependencies.
DESCRIBE = """
    package: {
      programs = builtins.match ".*--prefix PATH : ([^\\n]*)\\n.*" package.postInstall;
      flags = package.cmakeFlags;
      propagated = map (input: input.name) package.propagatedBuildInputs;
      inherit (package) name doCheck;
      inherit (package.meta) mainProgram;
      derivation = package.drvPath;
    }
"""


def nix_files() -> set[str]:
    """All .nix files of the repository."""
    folders = [path for path in nix.ROOT.iterdir() if path.name != "build" and path.is_dir()]
    files = [*nix.ROOT.glob("*.nix"), *(file for path in folders for file in path.rglob("*.nix"))]
    return {str(file.relative_to(nix.ROOT)) for file in files}


def describe(package: str) -> dict[str, Any]:
    described: dict[str, Any] = nix.evaluate(
        f"let pkgs = {nix.standin()}; in ({DESCRIBE}) ({package})"
    )
    return described


def programs(description: dict[str, Any]) -> set[str]:
    (path,) = description["programs"]
    return set(re.findall(r"/[0-9a-z]{32}-([a-z0-9-]+)-debian/bin", path))


def test_all_files_parse() -> None:
    files = nix_files()
    assert {"flake.nix", "nix/package.nix", "tests/nix/standin/default.nix"} <= files
    for file in files:
        result = nix.run("nix-instantiate", "--parse", nix.ROOT / file)
        assert result.returncode == 0, f"{file}: {result}"


# ------------------------------------------------------------------------------------- the package


def test_package_has_the_programs_of_a_plain_test() -> None:
    plain = describe("pkgs.nixos-test-driver")
    always = {"coreutils", "socat", "util-linux", "vde2", "vhost-device-vsock"}
    assert programs(plain) == always | {"qemu-test"}
    assert plain["name"] == "nixos-test-driver-0.1.0"
    assert plain["mainProgram"] == "nixos-test-driver"
    assert plain["doCheck"] is True
    assert "-DNTD_BUILD_TESTS=unit" in str(plain["flags"])


@pytest.mark.parametrize(
    "override, gained",
    [
        ("enableOCR = true;", {"imagemagick-light", "tesseract4"}),
        ("enableNspawn = true;", {"systemd"}),
        ("qemu_pkg = pkgs.qemu;", {"qemu"}),
        # As in releases up to 25.11: tesseract with English only.
        (
            (
                "enableOCR = true; tesseract4 = pkgs.tesseract4.override { enableLanguages = ["
                ' "eng" ]; };'
            ),
            {"tesseract4"},
        ),
        ("netpbm = null; ptpython = null;", set()),
    ],
)
def test_package_can_be_overridden(override: str, gained: set[str]) -> None:
    changed = programs(describe(f"pkgs.nixos-test-driver.override {{ {override} }}"))
    assert gained <= changed
    assert ("qemu-test" in changed) == ("qemu_pkg" not in override)


def test_package_keeps_to_the_conventions_of_nixpkgs() -> None:
    package = nix.evaluate(
        f"let package = {nix.standin()}.nixos-test-driver; in {{ "
        "inherit (package) strictDeps separateDebugInfo doInstallCheck; "
        "python = package.pythonModule.pythonVersion; tests = builtins.attrNames package.tests; "
        "meta = builtins.attrNames package.meta; }"
    )
    assert package["strictDeps"] and package["separateDebugInfo"] and package["doInstallCheck"]
    assert re.fullmatch(r"3\.\d+", package["python"]), package
    assert package["tests"] == ["node-name"]
    assert {"description", "license", "mainProgram", "maintainers", "platforms"} <= {
        *package["meta"]
    }


def test_package_passes_python_packages_on() -> None:
    plain = describe("pkgs.nixos-test-driver")
    more = describe(
        "pkgs.nixos-test-driver.override { extraPythonPackages = ps: [ ps.greeting ]; }"
    )
    assert more["propagated"] == [*plain["propagated"], "greeting-1"]
    assert more["flags"] != plain["flags"]


def test_package_can_be_called_without_what_old_releases_lack() -> None:
    lacking = (
        '(builtins.removeAttrs pkgs [ "vhost-device-vsock" "tesseract4" "imagemagick_light"'
        ' "python311" "versionCheckHook" "nixosTests" ])'
    )
    package = f"pkgs.lib.callPackageWith {lacking} {nix.ROOT}/nix/package.nix {{ }}"
    assert "vhost-device-vsock" not in programs(describe(package))


def test_old_default_python_is_replaced() -> None:
    old = (
        '(pkgs // { python3 = pkgs.python3 // { pythonVersion = "3.10"; }; python311 ='
        " pkgs.python3; })"
    )
    package = f"pkgs.lib.callPackageWith {old} {nix.ROOT}/nix/package.nix {{ }}"
    assert describe(package)["derivation"] == describe("pkgs.nixos-test-driver")["derivation"]


def test_sources_are_what_the_build_reads() -> None:
    """A change of a test, an example or a Nix file must not cause a new build of the driver."""
    source = nix.run(
        "nix-instantiate",
        "--eval",
        "--read-write-mode",
        "-E",
        f'"${{{nix.standin()}.nixos-test-driver.src}}"',
    ).must_succeed()
    path = Path(json.loads(source.stdout))
    assert {"CMakeLists.txt", "src", "python", "include", "cmake", "tests"} <= {
        f.name for f in path.iterdir()
    }
    assert {f.name for f in (path / "tests").iterdir()} == {"CMakeLists.txt", "unit"}
    assert not [
        f for f in path.iterdir() if f.name in ("build", "nix", "examples", "flake.nix", ".git")
    ]
    assert not list(path.rglob("__pycache__"))


# --------------------------------------------------------------------------- what users start from


def drivers_of(expression: str) -> dict[str, Any]:
    """The names of the packages in the test's batch and interactive drivers."""
    names = "driver: map (input: input.name) driver.buildInputs"
    found: dict[str, Any] = nix.evaluate(
        f"let test = {expression}; names = {names}; in {{ inherit (test) drvPath name; "
        "batch = names test.driver; interactive = names test.driverInteractive; }"
    )
    return found


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.parametrize("generation", ["flags", "config"])
def test_examples_run_our_driver(example: str, generation: str) -> None:
    pkgs = nix.standin(overlay=False, generation=generation)
    found = drivers_of(f"import {nix.ROOT}/examples/{example}/test.nix {{ pkgs = {pkgs}; }}")
    ours = ["nixos-test-driver-0.1.0"]
    assert (found["name"], found["batch"], found["interactive"]) == (
        f"vm-test-run-{example}",
        ours,
        ours,
    )


def test_overlay_reaches_the_new_framework_only() -> None:
    new = drivers_of(nix.test_expression("new", "pass", ""))
    pkgs = nix.standin(generation="flags")
    old = drivers_of(f'{pkgs}.testers.runNixOSTest {{ name = "old"; testScript = "pass"; }}')
    assert (new["batch"], new["interactive"]) == (
        ["nixos-test-driver-0.1.0"],
        ["nixos-test-driver-0.1.0"],
    )
    assert old["batch"] == ["nixos-test-driver-1.1"]


def test_module_keeps_what_an_overlay_has_made_of_the_driver() -> None:
    renamed = "(_: previous: { nixos-test-driver = previous.nixos-test-driver.overrideAttrs"
    overlays = f'{renamed} (_: {{ version = "2-of-ours"; }}); }})'
    module = f"imports = [ {nix.ROOT}/nix/test-module.nix ];"
    for generation in ("flags", "config"):
        pkgs = nix.standin(generation=generation, overlays=overlays)
        test = f'{pkgs}.testers.runNixOSTest {{ name = "x"; testScript = "pass"; {module} }}'
        assert drivers_of(test)["batch"] == ["nixos-test-driver-2-of-ours"], generation


@pytest.mark.parametrize("generation", ["flags", "config"])
def test_on_darwin_nothing_changes(generation: str) -> None:
    pkgs = nix.standin(generation=generation, is_linux=False)
    module = f"imports = [ {nix.ROOT}/nix/test-module.nix ];"
    test = f'{pkgs}.testers.runNixOSTest {{ name = "x"; testScript = "pass"; {module} }}'
    assert drivers_of(test)["batch"] == ["nixos-test-driver-1.1"]


def test_module_says_so_when_it_finds_no_driver_to_replace() -> None:
    """Imitates a release that makes its drivers in another way."""
    options = "enableOCR extraPythonPackages qemu driver".split()
    declared = " ".join(f"options.{name} = pkgs.lib.mkOption {{ }};" for name in options)
    expression = f"""
        let pkgs = {nix.standin()}; in
        (pkgs.lib.evalModules {{
          modules = [
            {nix.ROOT}/nix/test-module.nix
            {{
              {declared}
              config.driver = pkgs.runCommand "driver" {{ buildInputs = [ pkgs.mypy ]; }} "true";
            }}
          ];
          specialArgs = {{ hostPkgs = pkgs; inherit (pkgs) lib; }};
        }}).config.driver.drvPath
        """
    nix.run("nix-instantiate", "--eval", "-E", expression).must_fail(
        "there is no package nixos-test-driver among"
    )


def test_ways_in_of_the_readme() -> None:
    text = (nix.ROOT / "nix" / "README.md").read_text().replace("./nixos-test-driver/", f"{nix.ROOT}/")
    one, flake, package_set = re.findall(r"```nix\n(.*?)```", text, re.DOTALL)
    pkgs = nix.standin(overlay=False)
    ours = ["nixos-test-driver-0.1.0"]
    assert drivers_of(f"({one}) {{ pkgs = {pkgs}; }}")["batch"] == ours
    inputs = (
        f"nixpkgs.legacyPackages.x86_64-linux = {pkgs}; "
        f"nixos-test-driver.modules.nixosTest.default = {nix.ROOT}/nix/test-module.nix;"
    )
    assert drivers_of(f"(({flake}).outputs {{ {inputs} }}).checks.x86_64-linux.my-test")["batch"] == ours
    # Apply the overlays of the call to the stand-in; the call has no other differences.
    called = package_set.replace("import <nixpkgs>", "(arguments: builtins.head arguments.overlays)")
    assert nix.evaluate(f"({pkgs}.extend ({called})).nixos-test-driver.name") == ours[0]


def test_default_nix() -> None:
    pkgs = nix.standin(overlay=False)
    assert (
        nix.evaluate(f"(import {nix.ROOT} {{ pkgs = {pkgs}; }}).name") == "nixos-test-driver-0.1.0"
    )


def test_hydra_jobs() -> None:
    jobs = nix.evaluate(
        "builtins.mapAttrs (_: builtins.mapAttrs (_: job: job.name)) "
        f"(import {nix.ROOT}/examples/ci/hydra.nix {{ nixpkgs = {nix.nixpkgs_file()}; }})"
    )
    assert jobs == {
        "x86_64-linux": {
            "driver": "nixos-test-driver-0.1.0",
            "minimal": "vm-test-run-minimal",
            "client-server": "vm-test-run-client-server",
        }
    }


FLAKE_OUTPUTS = """
    let
      outputs = (import ROOT/flake.nix).outputs {
        nixpkgs = {
          inherit (PKGS) lib;
          legacyPackages = { x86_64-linux = PKGS; aarch64-linux = PKGS; };
        };
      };
      names = builtins.mapAttrs (_: derivation: derivation.name);
    in
    {
      all = builtins.attrNames outputs;
      overlay = (PKGS.extend outputs.overlays.default).nixos-test-driver.name;
      module = outputs.modules.nixosTest.default == ROOT/nix/test-module.nix;
      packages = builtins.mapAttrs (_: names) outputs.packages;
      checks = names outputs.checks.x86_64-linux;
      shell = outputs.devShells.x86_64-linux.default.drvPath;
    }
"""


def test_flake_outputs() -> None:
    pkgs = nix.standin(overlay=False)
    outputs = nix.evaluate(FLAKE_OUTPUTS.replace("ROOT", str(nix.ROOT)).replace("PKGS", pkgs))
    driver = "nixos-test-driver-0.1.0"
    assert outputs["all"] == ["checks", "devShells", "modules", "overlays", "packages"]
    assert (outputs["overlay"], outputs["module"]) == (driver, True)
    assert outputs["packages"] == {
        system: {"default": driver} for system in ("aarch64-linux", "x86_64-linux")
    }
    examples = {example: f"vm-test-run-{example}" for example in EXAMPLES}
    assert outputs["checks"] == {"package": driver, **examples}


def test_flake_lock_fits_the_flake() -> None:
    """Nix has nothing to add to the lock file, so it needs no network."""
    copy = nix.WORK / "flake"
    copy.mkdir()
    for name in ("flake.nix", "flake.lock"):
        (copy / name).write_text((nix.ROOT / name).read_text())
    shown = nix.run(
        "nix", "flake", "metadata", "--json", "--no-update-lock-file", f"path:{copy}"
    ).must_succeed()
    assert json.loads(shown.stdout)["locks"] == LOCK


def test_files_outside_the_flake_use_its_lock() -> None:
    expression = f"import {nix.ROOT}/nix/nixpkgs.nix {{ }}"
    asked = nix.run(
        "nix-instantiate", "--eval", "--option", "download-attempts", "1", "-E", expression
    )
    asked.must_fail(
        LOCK["nodes"]["nixpkgs"]["locked"]["rev"]
    )  # it cannot be fetched without a network
