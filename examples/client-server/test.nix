# The second test of the nix.dev tutorial, on NixOS: nix-build test.nix
# For a prompt: nix-build test.nix -A driverInteractive && ./result/bin/nixos-test-driver
{
  pkgs ? import ../../nix/nixpkgs.nix { },
}:
pkgs.testers.runNixOSTest {
  name = "client-server";
  imports = [ ../../nix/test-module.nix ]; # this line selects our driver

  nodes = {
    server = {
      services.nginx.enable = true;
      networking.firewall.allowedTCPPorts = [ 80 ];
    };
    client =
      { pkgs, ... }:
      {
        environment.systemPackages = [ pkgs.curl ];
      };
  };

  testScript = builtins.readFile ./test.py;
}
