# Start scripts as packages: $out/bin/run-NAME-vm.
{ pkgs }:
{
  # A fake machine. The program is the one of the build tree; options are those of tests/fakes/README.md.
  fake =
    program: name: options:
    pkgs.runCommand "fake-vm-${name}" { inherit options; } ''
      mkdir -p $out/bin
      cp ${program} $out/bin/fake_vm
      $out/bin/fake_vm --make-commands=$out/bin/fake_vm-commands
      # The fake guest has this machine's commands, as a real one has its own.
      printf '#!/bin/sh\nPATH=$PATH:%s/bin\nexec %s/bin/fake_vm %s "$@"\n' $root $out "$options" \
        > $out/bin/run-${name}-vm
      chmod +x $out/bin/run-${name}-vm
    '';

  # A machine that examples/guest/make-start-scripts made, with the program there that it runs.
  debian =
    script: name:
    pkgs.runCommand "debian-vm-${name}" { guest = ../../../examples/guest; } ''
      mkdir -p $out/bin
      cp ${script} $out/bin/run-${name}-vm
      cp $guest/accel $guest/cache.sh $out/bin
      chmod u+w $out/bin/*
      patchShebangs $out/bin/accel $out/bin/run-${name}-vm
      sed -i "s|'.*/examples/guest'/accel|$out/bin/accel|" $out/bin/run-${name}-vm
    '';
}
