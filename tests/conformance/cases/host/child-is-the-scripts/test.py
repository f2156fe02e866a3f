import subprocess

tpm = subprocess.Popen(["sh", "-c", "read line; exit 7"], stdin=subprocess.PIPE)
try:
    tpm.wait(timeout=0.2)
    raise AssertionError("it ended")
except subprocess.TimeoutExpired:
    pass
quick = subprocess.Popen(["sh", "-c", "exit 3"])
machine.succeed("true")
machine.shutdown()
tpm.stdin.write(b"end\n")
tpm.stdin.close()
assert tpm.wait(timeout=10) == 7
assert os.waitpid(quick.pid, 0)[1] == 3 << 8
