assert machine is web_server and machine.name == "web-server"


def succeed():
    return machine.succeed("echo x")


assert succeed() == web_server.succeed("echo x") == "x\n"
assert len([web_server]) == 1 and isinstance(web_server, QemuMachine)
with t.assertRaisesRegex(NameError, "no_such_name"):
    no_such_name
for machine in machines:
    assert machine is web_server


import builtins
import json


class Own:
    names = [str(number) for number in range(2)]

    def __init__(self):
        super().__init__()
        self.length = eval("len(self.names)", None, {"self": self})


assert Own().length == 2 and json.loads("[1]") == [1]
builtins.later = "a builtin of somebody's"
assert later == "a builtin of somebody's" and isinstance(exit, object)
