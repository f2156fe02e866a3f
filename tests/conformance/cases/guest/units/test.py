with subtest("active"):
    machine.wait_for_unit("multi-user.target")
    machine.require_unit_state("multi-user.target")
    until = "sh -c 'until test -e /tmp/go; do sleep 0.1; done'"
    machine.succeed(f'systemd-run --no-block --unit slow -p ExecStartPre="{until}" sleep 1000')
    assert machine.get_unit_property("slow", "ActiveState") == "activating"
    machine.succeed("(sleep 2; touch /tmp/go) >&2 &")
    machine.wait_for_unit("slow", timeout=300)

with subtest("not active"):
    with t.assertRaisesRegex(AssertionError, "inactive and there are no pending jobs"):
        machine.wait_for_unit("rescue.target")
    machine.execute("systemd-run --unit broken false")
    machine.wait_until_fails("systemctl is-active broken")
    with t.assertRaisesRegex(AssertionError, 'unit "broken" reached state "failed"'):
        machine.wait_for_unit("broken")
    with t.assertRaisesRegex(AssertionError, "to be in state"):
        machine.require_unit_state("broken")
    machine.require_unit_state("broken", "failed")

with subtest("why not"):
    one = "printf '{}' >/run/systemd/system/{}.service; systemctl daemon-reload"
    oneshot = r"[Service]\nType=oneshot\nExecStart=/bin/true\n"
    machine.succeed(one.format(oneshot, "well"), "systemctl start well")
    condition = r"[Unit]\nConditionPathExists=/no/such\n" + oneshot
    machine.succeed(one.format(condition, "unmet"), "systemctl start unmet")
    machine.succeed("systemctl mask --runtime nfs-server.service")
    reasons = {
        "broken": 'its result is "exit-code": its main process exited with status 1',
        "ngnix": 'there is no such unit; the nearest name is "nginx.service"',
        "nfs-server": "it is masked",
        "well": "it has run and ended well \\(a oneshot without RemainAfterExit\\)",
        "unmet": "its condition was not met .*ConditionPathExists=/no/such",
        "nginx": "nothing has started it, and it is not enabled",
    }
    for unit, reason in reasons.items():
        with t.assertRaisesRegex(AssertionError, f'unit "{unit}" .*: {reason}'):
            machine.wait_for_unit(unit)

with subtest("names and properties of every kind"):
    machine.succeed(
        "systemd-run --unit 'odd\\x2dname@with:signs.service' -p Environment=A=b=c sleep 1000"
    )
    machine.wait_for_unit(r"odd\x2dname@with:signs.service")
    info = machine.get_unit_info(r"odd\x2dname@with:signs.service")
    assert info["ActiveState"] == "active" and info["Environment"] == "A=b=c", info
    assert machine.get_unit_property("slow", "SubState") == "running"

with subtest("jobs"):
    assert machine.stop_job("slow")[0] == 0
    assert machine.systemctl("is-active slow") == (3, "inactive\n")
    assert machine.start_job("no-such-unit")[0] != 0

with subtest("units of a user"):
    before = os.times().elapsed
    machine.systemctl("show", "alice")
    look = os.times().elapsed - before  # a part of what the wait looks at
    with t.assertRaisesRegex(AssertionError, 'timed out .*user "alice" has no systemd manager'):
        machine.wait_for_unit("default.target", "alice", timeout=2 + 6 * look)
    machine.execute("(sleep 3; systemctl start user@1000) >&2 &")
    machine.wait_for_unit("default.target", "alice")
    assert machine.systemctl("show-environment", "alice")[1].count("/home/alice") > 0
    run = "su -l alice -c 'XDG_RUNTIME_DIR=/run/user/1000 systemd-run --user --unit {} {}'"
    machine.succeed(run.format("hers", "sleep 1000"))
    machine.wait_for_unit("hers", user="alice")
    assert machine.get_unit_property("hers", "ActiveState", "alice") == "active"
    machine.succeed(run.format("hers-broken", "false"))
    retry(lambda _: machine.systemctl("is-failed hers-broken", "alice")[0] == 0, 60)
    with t.assertRaisesRegex(AssertionError, 'reached state "failed"'):
        machine.wait_for_unit("hers-broken", "alice")
