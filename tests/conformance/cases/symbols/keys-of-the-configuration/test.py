assert [machine.name for machine in machines] == ["backup", "db", "twin-2", "web-server"]
assert web_server.name == "web-server" and web_server.state_dir.name == "vm-state-web-server"
assert shop_frontend is web_server
# A key is stronger than another machine's name, and a name of two machines stands for none.
assert db.name == "db" and "twin" not in globals()
assert shop_frontend.succeed("echo x") == "x\n"
