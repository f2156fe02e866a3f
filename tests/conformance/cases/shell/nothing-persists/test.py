machine.succeed("cd /; export LEFT=1; shopt -s nullglob; f() { true; }; alias ll=ls; umask 000")
machine.fail("printenv LEFT")
machine.fail("f")
machine.succeed("echo relative > file")
assert machine.succeed("cat file") == "relative\n"
assert machine.succeed("pwd") == machine.succeed("cd / && cd - >/dev/null && pwd")
assert machine.succeed("X=1 bash -c 'echo $X'") == "1\n"
machine.succeed("set +e")
machine.fail("false; true")
