with subtest("fine"):
    log.log("all is well")
raise RuntimeError("between the subtests")
