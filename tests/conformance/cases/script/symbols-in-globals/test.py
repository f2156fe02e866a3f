assert "start_all" in globals() and "machine" in vars()
assert "is_interactive" not in vars()
is_interactive = False
assert "is_interactive" in vars() and globals() is locals()


def sees():
    return "subtest" in globals() and "subtest" not in vars()


assert sees()
