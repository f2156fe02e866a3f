import os
import signal
import threading

box.succeed("true")
threading.Timer(0.5, os.kill, (box.process.pid, signal.SIGKILL)).start()
with t.assertRaises(BrokenPipeError):
    box.succeed("sleep 1000")
