import inspect

for name, method in inspect.getmembers(QemuMachine, inspect.isfunction):
    if not name.startswith("_"):
        assert inspect.getdoc(method), f"{name} is not documented"
signature = inspect.signature(machine.wait_for_open_port)
assert list(signature.parameters) == ["port", "addr", "timeout"]
assert signature.parameters["addr"].default == "localhost"
