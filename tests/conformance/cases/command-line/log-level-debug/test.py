log.debug("a detail")
machine.start()
