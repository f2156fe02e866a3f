log.debug("debug")
log.info("info")
log.warning("warning")
with t.assertRaises(SystemExit):
    log.error("error")
with subtest("part"):
    machine.succeed("exit 3")
