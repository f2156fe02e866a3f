debug.breakpoint()
debug.breakpoint(host="127.0.0.1", port=4445)
machine.succeed("true")
