log.info("ran")
