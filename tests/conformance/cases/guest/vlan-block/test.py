import socket
import urllib.request

fetch = "curl --silent --show-error --fail --max-time 5 http://server/"
start_all()
server.wait_for_unit("nginx.service")
server.wait_for_open_port(80)

with subtest("by name, in both directions"):
    assert "nginx" in client.wait_until_succeeds(fetch, timeout=300)
    server.succeed("ping -c 1 client", "ping -6 -c 1 2001:db8:1::1")

with subtest("the cable is out"):
    client.block()
    client.fail(fetch, "ping -c 1 -W 2 server")
    server.fail("ping -c 1 -W 2 client")

with subtest("only that of the first VLAN"):
    assert "10.0.2.2" in client.succeed("ip route")
    assert "NO-CARRIER" in client.succeed("ip link show eth1")
    assert "NO-CARRIER" not in client.succeed("ip link show eth0")

with subtest("and in again"):
    client.unblock()
    assert "nginx" in client.wait_until_succeeds(fetch, timeout=300)

with subtest("from the host"):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server.forward_port(port, 80)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=300) as page:
        assert b"nginx" in page.read()

with subtest("what QEMU refuses"):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        with t.assertRaisesRegex(Exception, "Could not set up host forwarding rule"):
            server.forward_port(taken.getsockname()[1], 80)
    with t.assertRaisesRegex(Exception, "Could not set up host forwarding rule"):
        server.forward_port(port, 81)
    with t.assertRaisesRegex(Exception, "QEMU refused .*Bad host port"):
        server.forward_port(70000, 80)
