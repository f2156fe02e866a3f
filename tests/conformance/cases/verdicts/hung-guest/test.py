import os
import signal

machine.succeed("true")
os.killpg(os.getpgid(machine.pid), signal.SIGSTOP)
machine.succeed("cat /etc/hostname", timeout=2)
