import sys
from pathlib import Path

Path("helper.py").write_text("def check(machine):\n    machine.fail('true')\n")
sys.path.insert(0, ".")
import helper

helper.check(machine)
