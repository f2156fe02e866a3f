def unit(name, **properties):
    text = "".join(f"{key.replace('_', '-')}={value}\\n" for key, value in properties.items())
    machine.succeed(f"printf '{text}' > $FAKE_GUEST_DIR/units/{name}")


unit("web.service", ActiveState="inactive")
unit("broken.service", on_start="failed")
assert machine.start_job("web.service") == (0, "")
machine.require_unit_state("web.service", "active")
assert machine.stop_job("web.service") == (0, "")
machine.require_unit_state("web.service", "inactive")
# The shell sees the names.
unit("worker.service", ActiveState="inactive")
assert machine.start_job("web.service worker.service") == (0, "")
machine.require_unit_state("worker.service", "active")
assert machine.stop_job("{web,worker}.service") == (0, "")
machine.require_unit_state("worker.service", "inactive")
# Unchecked: the status tells.
assert machine.start_job("broken.service")[0] == 1
assert machine.start_job("no-such.service")[0] == 5
assert machine.stop_job("no-such.service", None)[0] == 5
status, output = machine.systemctl("start web.service")
assert (status, output) == (0, "")
machine.succeed("printf 'ActiveState=inactive\\n' > $FAKE_GUEST_DIR/units-user/agent.service")
assert machine.start_job("agent.service", "alice") == (0, "")
assert machine.systemctl("is-active agent.service", user="alice") == (0, "active\n")
assert machine.stop_job("agent.service", user="alice") == (0, "")
