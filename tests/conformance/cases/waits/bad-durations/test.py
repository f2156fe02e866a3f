for limit in ("5", [], object()):
    with t.assertRaises(TypeError):
        machine.wait_until_succeeds("true", timeout=limit)
    with t.assertRaises(TypeError):
        machine.execute("true", timeout=limit)
assert machine.succeed("echo still here") == "still here\n"
