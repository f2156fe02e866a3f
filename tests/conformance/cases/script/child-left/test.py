import subprocess
import tempfile

image = tempfile.NamedTemporaryFile()
emulator = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
ended = subprocess.Popen(["true"])
machine.succeed("true")
