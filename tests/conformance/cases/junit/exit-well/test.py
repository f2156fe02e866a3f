with subtest("ends the test"):
    exit(0)
