with subtest("fine"):
    log.log("all is well")
with subtest("fails"):
    t.assertEqual(1, 2, "numbers")
