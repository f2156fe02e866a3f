import pathlib

first = pathlib.Path("first")
assert not first.exists()
first.touch()
