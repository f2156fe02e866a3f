def log(text):
    server.log(text)


def succeed(machine, command):
    return machine.succeed(command)


def retry(function):
    return function()


id = "users"
list = vars = None
machines = [server, client]
start_all()
driver = os = subtest = start_all = None
for machine in client, server:
    log(f"checking {machine.name} of {id}")
    assert retry(lambda: succeed(machine, "echo hello")) == "hello\n"
    machine.wait_until_succeeds("true")
test = succeed(server, "echo " + "test")
assert test == "test\n"
