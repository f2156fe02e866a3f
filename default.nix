# The driver: nix-build. With your own package set: nix-build --arg pkgs 'import <nixpkgs> { }'
{
  pkgs ? import ./nix/nixpkgs.nix { },
}:
pkgs.callPackage ./nix/package.nix { }
