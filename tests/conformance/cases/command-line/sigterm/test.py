import signal
import time

machine.succeed("true")
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(100)
