machine.succeed("touch ~/kept")
machine.execute("poweroff", check_output=False)
machine.process.wait(timeout=10)
machine.booted = False
machine.connected = False
machine.start()
machine.succeed("test -e ~/kept")
