machine.log("bad \udcff \0 \x1b[31m \ufffe")
machine.log("")
with machine.nested("nul \0 and \x07"):
    pass
machine.log_serial("\x1b[2J")
log.info("all is well")
