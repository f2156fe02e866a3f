caught = []
try:
    machine.succeed("exit 7")
except Exception as error:
    caught.append(error)
try:
    machine.fail("true")
except AssertionError as error:
    caught.append(error)
try:
    machine.wait_until_succeeds("false", timeout=0.1)
except:
    caught.append("bare")
assert len(caught) == 3
assert machine.succeed("echo goes on") == "goes on\n"
