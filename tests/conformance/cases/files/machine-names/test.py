assert [m.name for m in machines] == ["machine", "web-1"]
assert machine.name == "machine" and web_1.succeed("echo x") == "x\n"
