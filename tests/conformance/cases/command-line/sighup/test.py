import signal
import time

machine.start()
os.kill(os.getpid(), signal.SIGHUP)
time.sleep(100)
