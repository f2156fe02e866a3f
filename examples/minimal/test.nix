# The first test of the nix.dev tutorial, on NixOS: nix-build test.nix
{
  pkgs ? import ../../nix/nixpkgs.nix { },
}:
pkgs.testers.runNixOSTest {
  name = "minimal";
  imports = [ ../../nix/test-module.nix ]; # this line selects our driver

  nodes.machine =
    { pkgs, ... }:
    {
      users.users.alice = {
        isNormalUser = true;
        packages = [ pkgs.firefox ];
      };
    };

  testScript = builtins.readFile ./test.py;
}
