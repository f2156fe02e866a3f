assert machine.succeed("echo 'a\@b'") == "a\\@b\n"
assert 1 is 1
