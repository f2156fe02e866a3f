assert machine.succeed("echo ready") == "ready\n"
