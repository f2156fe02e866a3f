with subtest("outer"):
    log.log("in the outer one")
    with subtest("inner, fine"):
        log.log("in the first inner one")
    with subtest("inner, failing"):
        raise ValueError("two\nlines")
