import time
from concurrent.futures import ThreadPoolExecutor

start_all()
begin = time.monotonic()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda machine: machine.succeed("sleep 3"), machines))
assert time.monotonic() - begin < 11.9, "side by side"
