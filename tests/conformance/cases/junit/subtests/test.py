log.log("before")
with subtest("first"):
    log.log("in the first")
    log.log_serial("on the console <&>", "web")
with subtest("second"):
    log.warning("in the second \x1b[1m\x01")
    print("printed, which is not in the log")
log.log("after")
