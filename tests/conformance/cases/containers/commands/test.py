assert box.execute("echo out; exit 3") == (3, "out\n")
assert box.succeed("[[ a < b ]] && cat <(echo bash)") == "bash\n"
assert box.execute("false | true")[0] == 1
assert box.execute("echo $NO_SUCH_VARIABLE")[0] != 0
assert box.succeed("cat") == ""
assert box.execute("exit 4", check_return=False) == (4, "")
assert box.execute("echo waited", check_output=False) == (0, "waited\n")
