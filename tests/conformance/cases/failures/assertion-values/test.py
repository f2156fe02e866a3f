expected = "one\nthree\n"

with subtest("with a message"):
    try:
        assert machine.succeed("echo 2") == "3\n", "not three"
    except AssertionError as error:
        print(repr(str(error)), error.args)

names = set(globals())
assert names <= {*dir(), "names"}, "no other names appear"
with subtest("lists"):
    assert machine.succeed("echo one; echo two") == expected
