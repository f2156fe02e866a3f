machine.start()

if machine.booted:
    machine.succeed("true"
    print("not reached")
