with subtest("outer"):
    machine.log("control characters \x01\x1b[31m < & >")
    with machine.nested("nest"):
        machine.log_serial("from the console")
    log.log("ünïcode ✓")
