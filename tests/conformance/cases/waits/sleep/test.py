import time

begin = time.monotonic()
machine.sleep(1)
machine.sleep(0.25)
assert 1.25 <= time.monotonic() - begin < 100
# In the guest, not here.
machine.succeed("mkdir -p ~/bin; date +%s%N > before")
machine.sleep(0)
