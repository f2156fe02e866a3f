from test_driver.logger import LogLevel

log.log("plain")
log.log("of a machine", {"machine": "web"})
log.debug("not shown: the level is info")
log.info("info")
log.warning("warning")
with t.assertRaises(SystemExit):
    log.error("error")
with log.nested("nest", {"machine": "web"}):
    with log.subtest("part"):
        log.info("→ unicode “quotes” ✓")
log.set_log_level(LogLevel.WARNING)
log.info("hidden")
log.warning("shown")
log.set_log_level(LogLevel.DEBUG)
log.debug("shown now")
log.log_test_error("said as a failure")
