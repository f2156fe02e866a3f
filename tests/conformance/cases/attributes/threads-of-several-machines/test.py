import time
from concurrent.futures import ThreadPoolExecutor

start_all()
begin = time.monotonic()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda machine: machine.succeed("sleep 10"), machines))
assert time.monotonic() - begin < 39, "side by side"
