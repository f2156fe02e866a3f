import os
import signal

machine.succeed("true")
os.kill(machine.pid, signal.SIGKILL)
machine.succeed("cat /etc/hostname")
