assert alice.name == "alice" and machine is alice
assert alice.succeed("echo x") == "x\n"
