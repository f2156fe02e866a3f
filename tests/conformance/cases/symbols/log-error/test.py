machine.succeed("true")
log.error("this cannot go well")
log.info("went on")
