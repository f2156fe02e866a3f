with machine.nested("outer"):
    machine.log("inside")
    with machine.nested("inner", {"key": "value"}):
        machine.log("deep inside")
try:
    with machine.nested("fails"):
        raise ValueError("passed on")
except ValueError as error:
    assert str(error) == "passed on"
else:
    assert False
