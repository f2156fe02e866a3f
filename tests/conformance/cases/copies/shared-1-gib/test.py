import os

machine = create_machine(f"{os.environ['OWN_TMP']} {os.environ['START']}", name="web")
machine.succeed("test -d /tmp/shared")
