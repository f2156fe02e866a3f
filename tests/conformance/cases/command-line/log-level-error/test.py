log.warning("warning")
log.error("error")
raise RuntimeError("the reason")
