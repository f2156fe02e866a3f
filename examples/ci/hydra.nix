# Hydra: a job set with this file as its Nix expression and two inputs, both Git checkouts: nixpkgs (of any release from
# 23.05 on) and nixos-test-driver (this repository). Each test is a job; Hydra sends it to a build machine that has the
# features nixos-test and kvm (`nix.buildMachines` of the Hydra server).
{
  nixpkgs,
  nixos-test-driver ? ../..,
  supportedSystems ? [ "x86_64-linux" ],
}:
let
  jobsFor =
    system:
    let
      pkgs = import nixpkgs { inherit system; };
      example = name: import (nixos-test-driver + "/examples/${name}/test.nix") { inherit pkgs; };
    in
    {
      driver = import nixos-test-driver { inherit pkgs; };
      minimal = example "minimal";
      client-server = example "client-server";
    };
in
builtins.listToAttrs (
  map (system: {
    name = system;
    value = jobsFor system;
  }) supportedSystems
)
