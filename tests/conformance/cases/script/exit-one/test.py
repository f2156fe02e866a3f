if machine.execute("test -e /does/not/exist")[0] != 0:
    print("expansion failed")
    exit(1)
log.log("not reached")
