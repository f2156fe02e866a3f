machine.succeed("printf 'ActiveState=active\\n' > $FAKE_GUEST_DIR/units-user/agent.service")
machine.wait_for_unit("agent.service", "alice")
machine.wait_for_unit("agent", user="alice", timeout=10)
assert machine.systemctl("is-active agent.service", "alice") == (0, "active\n")
assert machine.get_unit_property("agent.service", "ActiveState", "alice") == "active"
assert machine.get_unit_info("agent.service", user="alice")["Id"] == "agent.service"
# It is not one of the system's units.
status, output = machine.systemctl("is-active agent.service")
assert (status, output) == (4, "inactive\n"), (status, output)
with t.assertRaisesRegex(AssertionError, "inactive and there are no pending jobs"):
    machine.wait_for_unit("agent.service")
