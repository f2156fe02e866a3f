import atexit
import time

machine.succeed("true")
atexit.register(time.sleep, 2.5)
