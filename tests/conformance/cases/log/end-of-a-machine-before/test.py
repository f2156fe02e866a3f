log.info("as in 25.11")
