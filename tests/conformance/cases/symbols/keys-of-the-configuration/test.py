assert [machine.name for machine in machines] == ["shop-frontend"]
assert web_server.name == "shop-frontend" and machine is web_server
assert machine.succeed("echo x") == "x\n"
