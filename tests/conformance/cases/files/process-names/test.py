import subprocess

machine.start()
mine = open(f"/proc/{os.getpid()}/cmdline").read()
assert "nixos-test-driver" in mine
pids = subprocess.check_output(["pgrep", "-f", "nixos-test-driver"], text=True).split()
assert str(os.getpid()) in pids
