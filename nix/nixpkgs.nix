# nixpkgs as flake.lock has it, for whoever does not use the flake.
let
  inherit (builtins.fromJSON (builtins.readFile ../flake.lock)) nodes;
  inherit (nodes.nixpkgs) locked;
in
import (builtins.fetchTarball {
  url = "https://github.com/${locked.owner}/${locked.repo}/archive/${locked.rev}.tar.gz";
  sha256 = locked.narHash;
})
