with subtest("fine"):
    log.log("all is well")
exit(1)
