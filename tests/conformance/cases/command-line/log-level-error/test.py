log.warning("warning")
with t.assertRaises(SystemExit):
    log.error("error")
raise RuntimeError("the reason")
