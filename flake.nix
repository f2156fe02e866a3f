{
  description = "The driver of NixOS integration tests in C++: boots their machines and runs their scripts";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { nixpkgs, ... }:
    let
      forEachSystem =
        f:
        nixpkgs.lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
          system: f nixpkgs.legacyPackages.${system}
        );
      package = pkgs: pkgs.callPackage ./nix/package.nix { };
    in
    {
      packages = forEachSystem (pkgs: {
        default = package pkgs;
      });

      # The driver of every test of a package set, for NixOS 26.05 and later.
      overlays.default = import ./nix/overlay.nix;

      # The driver of the test that imports it, for NixOS 23.05 and later.
      modules.nixosTest.default = ./nix/test-module.nix;

      # The examples need a machine with KVM, or one that says so: see nix/README.md.
      checks = forEachSystem (pkgs: {
        package = package pkgs;
        minimal = import ./examples/minimal/test.nix { inherit pkgs; };
        client-server = import ./examples/client-server/test.nix { inherit pkgs; };
      });

      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ (package pkgs) ];
          packages = [
            pkgs.clang-tools
            pkgs.gbenchmark
            pkgs.gtest
            pkgs.mypy
            pkgs.python3Packages.pyflakes
            pkgs.python3Packages.pytest
            pkgs.qemu_test
            pkgs.socat
            pkgs.vde2
          ];
        };
      });
    };
}
