with subtest("the initrd waits"):
    machine.wait_for_unit("initrd.target")
    machine.succeed("test -e /etc/initrd-release", "touch /run/kept /gone")
    machine.fail("test -e /etc/debian_version")
    assert machine.systemctl("is-active multi-user.target")[0] != 0

with subtest("the real root"):
    machine.switch_root()
    machine.succeed("test -e /etc/debian_version -a -e /run/kept")
    machine.fail("test -e /etc/initrd-release -o -e /gone")
    machine.wait_for_unit("multi-user.target")

with subtest("once only"):
    with t.assertRaises(Exception):
        machine.switch_root()
    assert machine.succeed("echo in step") == "in step\n"
