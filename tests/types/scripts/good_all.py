# In the manner of real test scripts, with what all generations of type hints know.
import json
import queue
import subprocess
from datetime import timedelta

from test_driver.errors import MachineError, RequestedAssertionFailed
from test_driver.machine import CHAR_TO_KEY
from test_driver.machine.qmp import QMPAPIError

start_all()
serial_stdout_off()
web.wait_for_unit("network-online.target")
db.wait_for_unit("postgresql", timeout=timedelta(minutes=2))
db.wait_for_unit("podman.service", "alice")

with subtest("commands give text"):
    lines = web.succeed("ls /", "ls /etc", timeout=30).strip().splitlines()
    assert any(line.startswith("e") for line in lines)
    status, output = web.execute("systemctl is-active nginx", check_return=True, timeout=None)
    assert status == 0 and json.loads(output)
    error = web.fail(f"curl http://{db.name}/")
    web.wait_until_succeeds("true", 30)
    web.wait_until_fails("false", timeout=30.5)

with subtest("waits"):
    web.wait_for_open_port(80)
    web.wait_for_open_port("80", "10.0.2.2", timeout=timedelta(seconds=3))
    web.wait_for_closed_port(81, addr="localhost")
    web.wait_for_file("/run/ready", 10)
    web.wait_for_console_text(r"login:[\s\S]*", timeout=60)
    web.wait_until_tty_matches("1", "login")
    web.wait_until_tty_matches(2, "login", timeout=10)

with subtest("keys"):
    web.send_key("ctrl-alt-delete")
    web.send_key(CHAR_TO_KEY["?"], delay=0.1)
    web.send_chars("root\n", delay=None)
    web.send_console("exit\n")

with subtest("systemd"):
    info = db.get_unit_info("postgresql")
    assert info["ActiveState"] == "active"
    assert db.get_unit_property("postgresql", "Type") == "notify"
    db.require_unit_state("postgresql", "active")
    code, text = db.systemctl("list-jobs", "alice")
    db.start_job("nginx")

with subtest("the machine's parts"):
    assert web.state_dir.joinpath("disk.qcow2").exists()
    subprocess.run(["ls"], cwd=web.state_dir)
    db.state_dir = web.state_dir
    assert web.shell is not None
    web.shell.send(b"true\n")
    assert web.process is not None
    web.process.wait(timeout=120)
    assert web.qmp_client is not None
    try:
        reply = web.qmp_client.send("query-status", {"a": [1, True]})
        print(reply["return"]["status"], list(web.qmp_client.events()))
    except QMPAPIError as refusal:
        print(refusal.class_name, refusal.description)
    event = web.wait_for_qmp_event(lambda e: e["event"] == "SHUTDOWN", timeout=60)
    try:
        web.last_lines.get(block=False)
    except queue.Empty:
        pass

with subtest("life"), web.nested("off and on"):
    if web.booted:
        web.shutdown()
    web.connected = False
    web.connect()
    for method in [web.shutdown, web.crash]:
        print(method.__name__)
    web.start(allow_reboot=True)
    web.reboot()
    web.forward_port(8080, 80)
    web.forward_port(host_port=8080, guest_port=80)


def is_ready(last_try: bool) -> bool:
    if last_try:
        log.info("last try")
    return "ready" in web.succeed("cat /run/state")


retry(is_ready)
retry(lambda _: True, 60)


@polling_condition
def web_lives():
    "web answers"
    web.succeed("true")


with web_lives:  # type: ignore[union-attr]
    db.sleep(1)

for machine in machines:
    machine.start()
    machine.log(machine.name)
    machine.shutdown()

try:
    db.succeed("false")
except (RequestedAssertionFailed, MachineError, BrokenPipeError) as failure:
    print(str(failure))

print(driver.out_dir / "report", driver.tests, vlan1.nr, [vlan.socket_dir for vlan in vlans])
driver.machines.append(db)
join_all()
