import os
import subprocess

here = os.getcwd()
with open("filesystem", "w") as image:
    image.write("an image\n")
subprocess.run("mkdir tree; echo private >tree/key", shell=True, check=True)
machine.start()
machine.copy_from_host("filesystem", f"{here}/in-guest/filesystem")
machine.copy_from_host("tree", f"{here}/in-guest/tree")
assert machine.succeed(f"cat {here}/in-guest/filesystem {here}/in-guest/tree/key") == "an image\nprivate\n"
machine.shutdown()
assert os.getcwd() == here and here != str(machine.state_dir)
