for name in ("twice", "twice", "<&> \"quotes\" 'x' ✓", "multi\nline", ""):
    with subtest(name):
        pass
