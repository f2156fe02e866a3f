from test_driver.errors import RequestedAssertionFailed

t.assertIn("hello", machine.succeed("echo hello world"), "no greeting")
t.assertEqual({"a": [1, 2]}, {"a": [1, 2]})
t.assertRegex(machine.succeed("echo v1.25.3"), r"v\d+\.\d+")
t.assertTrue(machine.booted)
with t.assertRaises(Exception) as caught:
    machine.succeed("exit 4")
t.assertIn("exit code 4", str(caught.exception))
with t.subTest("a part"):
    t.assertGreater(2, 1)
with t.assertRaises(RequestedAssertionFailed):
    t.assertEqual(1, 2)
