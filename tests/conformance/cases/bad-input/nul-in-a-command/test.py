with t.assertRaisesRegex(Exception, "(?i)nul"):
    machine.succeed("echo a\0b")
with t.assertRaisesRegex(Exception, "(?i)nul"):
    machine.execute("touch came\0", check_output=False)
assert machine.succeed("echo in step") == "in step\n"
machine.fail("test -e came")
