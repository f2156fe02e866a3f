machine.succeed(f"(sleep 0.2; kill -INT {os.getpid()}) >&2 &")
machine.succeed("sleep 100")
