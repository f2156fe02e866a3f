import os
import shutil
import subprocess

machine.start()
assert subprocess.run(["echo", "x"], capture_output=True, check=True).stdout == b"x\n"
assert subprocess.check_output("echo $HOME", shell=True, text=True) == os.environ["HOME"] + "\n"
assert subprocess.call(["sh", "-c", "exit 3"]) == 3 and os.system("exit 4") == 4 << 8
os.environ["PATH"] += f":{os.getcwd()}/tools"
assert shutil.which("age-keygen") == f"{os.getcwd()}/tools/age-keygen"
key = subprocess.run("age-keygen", stdout=subprocess.PIPE, text=True).stdout
assert machine.succeed(f"echo {key}") == "AGE-SECRET-KEY\n"
