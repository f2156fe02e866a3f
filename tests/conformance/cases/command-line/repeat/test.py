import pathlib

runs = pathlib.Path("runs")
number = int(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text(str(number))
machine.succeed("test ! -e here; touch here")
assert number != 2
