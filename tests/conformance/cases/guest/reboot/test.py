def boot_id():
    return machine.succeed("cat /proc/sys/kernel/random/boot_id")


boots = []
machine.start(allow_reboot=True)
boots.append(boot_id())
first = machine.pid

with subtest("ctrl-alt-delete"):
    machine.reboot()
    boots.append(boot_id())

with subtest("by a command, and the connection forgotten"):
    machine.execute("reboot", check_output=False)
    machine.connected = False
    machine.connect()
    boots.append(boot_id())

with subtest("all in the same QEMU, on the same disk"):
    assert machine.pid == first
    machine.succeed("echo kept >/root/kept; sync")
    assert machine.get_console_log().count("Linux version") in (0, 3)

with subtest("a command after a crash starts the machine"):
    machine.crash()
    assert not machine.booted and machine.pid is None
    boots.append(boot_id())
    assert machine.succeed("cat /root/kept") == "kept\n"

with subtest("without leave a reboot is the end"):
    machine.execute("reboot", check_output=False)
    machine.wait_for_shutdown()
    assert not machine.booted

assert len(set(boots)) == 4, boots
