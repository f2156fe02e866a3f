import subprocess

program = os.path.join(os.path.dirname(os.readlink("/proc/self/exe")), "generate-driver-symbols")
subprocess.run([program], check=True)
text = open("driver-symbols").read()
names = text.split(",")
assert "\n" not in text and " " not in text
for name in ("start_all", "subtest", "machines", "retry", "t", "Machine", "debug", "driver"):
    assert name in names and name in globals()
