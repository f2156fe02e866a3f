import stat
from pathlib import Path

base = Path(os.environ["XDG_RUNTIME_DIR"])
machine.start()
assert machine.state_dir == base / "vm-state-machine" and machine.tmp_dir == base
assert machine.shared_dir == base / "shared-xchg"
assert stat.S_IMODE(machine.shared_dir.stat().st_mode) == 0o700
assert vlan1.socket_dir == base / "vde1.ctl"
