# For NixOS 26.05 and later, whose test framework takes its driver from here. The package set of the machine that runs
# the tests needs it (hostPkgs, which is pkgs for pkgs.testers.runNixOSTest); the guests do not. On Darwin, where this
# driver does not run, nothing changes.
final: previous: {
  nixos-test-driver =
    if final.stdenv.hostPlatform.isLinux then
      final.callPackage ./package.nix { }
    else
      previous.nixos-test-driver;
}
