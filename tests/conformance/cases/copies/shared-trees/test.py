import os

machine = create_machine(f"{os.environ['OWN_TMP']} {machine.start_command}", name="web")
machine.succeed("test -d /tmp/shared")
