

machine.start();
with subtest("two spaces"):
  machine.succeed("true");
  if True:
      machine.succeed("for i in 1 2; do :; done;"); x = 1;

with subtest("four spaces"):
    machine.succeed("""
        set -x;
        test -d /;
    """);
assert x == 1;
