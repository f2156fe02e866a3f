with subtest("outer"):
    log.log("a remark", {"machine": "web"})
    with log.nested("nest", {"machine": "web"}):
        log.log_serial("on the console \x00\x07\x1b[1m<&>", "web")
    with subtest("inner"):
        assert 1 == 2, "arithmetic"
