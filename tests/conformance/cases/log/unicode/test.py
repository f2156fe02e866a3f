machine.log("→ ✓ “quoted” ünïcode 日本")
machine.log(machine.execute("printf 'bad \\377 byte'")[1])
raise RuntimeError("→ ✗ überall")
