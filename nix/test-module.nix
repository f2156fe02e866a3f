# To import into a NixOS test of any release from 23.05 on: runs it with this driver, the batch run and the interactive
# one alike.
#
# Each release has its own recipe for a test's driver: what is checked, and how the program learns what to run. That
# recipe stays; only the package that it wraps is another one. This module can do so because a declaration of an option
# may be repeated, and one of them may say what becomes of the value (`apply`).
{
  config,
  hostPkgs,
  lib,
  ...
}:

let
  # What an overlay has made of this driver stays so.
  ofPackageSet = hostPkgs.nixos-test-driver or { };
  ours =
    if ofPackageSet.implementation or "" == "C++" then
      ofPackageSet
    else
      hostPkgs.callPackage ./package.nix { };
  package = ours.override {
    inherit (config) enableOCR extraPythonPackages;
    qemu_pkg = config.qemu.package;
    enableNspawn = (config.containers or { }) != { };
  };

  isDriver = input: lib.getName input == "nixos-test-driver";
  driverOf =
    inputs:
    lib.findFirst isDriver (throw ''
      This NixOS release builds the driver of tests in a way that nixos-test-driver's test-module.nix does not know:
      there is no package nixos-test-driver among the inputs of the option `driver`. Please report that with the
      release. From 26.05 on an overlay does the same (nix/overlay.nix).
    '') inputs;

  # The text with another package's path in it, and without the old one as a dependency: that need not even be built.
  replacePackage =
    old: text:
    let
      dependencies = builtins.removeAttrs (builtins.getContext text) [
        (builtins.unsafeDiscardStringContext old.drvPath)
      ];
      path = package: builtins.unsafeDiscardStringContext "${package}";
      replaced = builtins.replaceStrings [ (path old) ] [ (path package) ] (
        builtins.unsafeDiscardStringContext text
      );
    in
    builtins.appendContext replaced (dependencies // builtins.getContext "${package}");
in
{
  options.driver = lib.mkOption {
    # On Darwin, where this driver does not run, nothing changes.
    apply =
      driver:
      if !hostPkgs.stdenv.hostPlatform.isLinux then
        driver
      else
        driver.overrideAttrs (
          attributes:
          let
            old = driverOf attributes.buildInputs;
          in
          {
            buildInputs = map (input: if isDriver input then package else input) attributes.buildInputs;
            buildCommand = replacePackage old attributes.buildCommand;
          }
        );
  };
}
