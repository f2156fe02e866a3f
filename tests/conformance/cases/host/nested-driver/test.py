import json
from pathlib import Path
from test_driver.driver import Driver, load_driver_configuration

start = Path("run-inner-vm").absolute()
start.write_text('#!/bin/sh\nexec "$FAKE_VM" "$@"\n')
start.chmod(0o755)
settings = {
    "vms": {"inner": {"name": "inner", "start_script": str(start)}},
    "containers": {},
    "vlans": [2],
    "global_timeout": 60,
    "enable_ssh_backdoor": False,
    "test_script": "inner.py",
}
Path("inner.py").write_text("inner.succeed('echo of the inner script >ran-inner')\n")
Path("inner.json").write_text(json.dumps(settings))

outer.start()
config = load_driver_configuration(Path("inner.json"))
with Driver(config=config, out_dir=driver.out_dir, logger=driver.logger, interactive=True) as d:
    assert [machine.name for machine in d.machines] == ["inner"] and d.machines_nspawn == []
    inner = d.machines_qemu[0]
    assert inner.succeed("echo inside") == "inside\n"
    assert [vlan.nr for vlan in d.vlans] == [2] and "inner" in d.test_symbols()
    assert d.out_dir == driver.out_dir and outer not in d.machines
    process = inner.process
assert process.poll() is not None and not inner.booted
assert outer.succeed("echo outside") == "outside\n"
assert [machine.name for machine in machines] == ["outer"]
log.log("outer after inner")
