import stat
from pathlib import Path

assert [vlan.nr for vlan in vlans] == [1, 10] and [vlan1, vlan10] == vlans
assert isinstance(vlan1, VLan)
for vlan in vlans:
    directory = Path(os.environ[f"QEMU_VDE_SOCKET_{vlan.nr}"])
    assert directory == Path(vlan.socket_dir) and directory.name == f"vde{vlan.nr}.ctl"
    assert stat.S_ISSOCK((directory / "ctl").stat().st_mode)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert b"--hub" in Path(f"/proc/{vlan.pid}/cmdline").read_bytes()
