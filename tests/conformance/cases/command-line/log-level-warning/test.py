log.debug("debug")
log.info("info")
log.warning("warning")
log.error("error")
with subtest("part"):
    machine.succeed("exit 3")
