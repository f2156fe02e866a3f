import subprocess

with t.assertRaises(subprocess.TimeoutExpired):
    box.execute("sleep 1000", timeout=1)
assert box.succeed("echo in step") == "in step\n"
