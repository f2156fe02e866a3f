assert machine is server and machine.name == "server"
assert server.succeed("echo x") == machine.succeed("echo x") == "x\n"
assert globals()["machine"] is server
