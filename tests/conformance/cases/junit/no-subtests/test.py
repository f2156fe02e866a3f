log.log("in the only case")
