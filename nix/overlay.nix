# For NixOS 26.05 and later, whose test framework takes its driver from here. The package set of the machine that runs
# the tests needs it (hostPkgs, which is pkgs for pkgs.testers.runNixOSTest); the guests do not.
final: _: {
  nixos-test-driver = final.callPackage ./package.nix { };
}
