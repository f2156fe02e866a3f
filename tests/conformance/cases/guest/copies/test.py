import filecmp
import os
from pathlib import Path

MiB = 1 << 20
odd = "-it's \"odd\"\n$HOME \\ ✓"
source = driver.out_dir / "source"
(source / odd).mkdir(parents=True)
(source / odd / odd).write_bytes(bytes(range(256)))
(source / odd / "tool").touch(mode=0o750)
(source / "link").symlink_to(odd)
small = driver.out_dir / odd
small.write_text("small")


def there_and_back(place, size):
    (source / "large").write_bytes(os.urandom(size))
    machine.copy_from_host(str(source), f"~/{place}/tree")
    assert machine.succeed(f"stat -c '%s %u %g' ~/{place}/tree/large") == f"{size} 0 0\n"
    machine.copy_from_machine(f"~/{place}/tree", place)
    back = driver.out_dir / place / "tree"
    assert filecmp.cmp(source / "large", back / "large", shallow=False)
    assert filecmp.cmp(source / odd / odd, back / odd / odd, shallow=False)
    assert (back / odd / "tool").stat().st_mode & 0o7777 == 0o750
    assert os.readlink(back / "link") == odd
    machine.copy_from_host(small, f"~/{place}/{odd}/{odd}")
    machine.copy_from_vm(f"~/{place}/{odd}/{odd}", place)
    assert (driver.out_dir / place / odd).read_text() == "small"
    machine.succeed(f"rm -r ~/{place}")


with subtest("through the shared directory"):
    machine.succeed("mountpoint /tmp/shared")
    there_and_back("shared", 64 * MiB)
    copy = machine.shared_dir / "shared" / "tree" / "large"
    assert copy.stat().st_size == 64 * MiB, "for whoever looks at a failed build"

with subtest("through the shell, if asked to"):
    machine.copy_from_host_via_shell(Path("/etc/passwd"), "~/a new/place")
    machine.copy_from_machine("~/a new/place")
    assert filecmp.cmp("/etc/passwd", driver.out_dir / "place", shallow=False)

with subtest("through the shell, if there is no other way"):
    machine.succeed("umount /tmp/shared")
    there_and_back("unshared", 64 * MiB)

with subtest("what is not there"):
    with t.assertRaises(FileNotFoundError):
        machine.copy_from_host("/no/such/file", "/root")
    with t.assertRaisesRegex(Exception, "no such file"):
        machine.copy_from_machine("/no/such/file")
