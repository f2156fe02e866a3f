from pathlib import Path

content = bytes(range(256)) * 1000
Path("key").write_bytes(content)
Path("key").chmod(0o640)
# Relative to the working directory; parents are made; strings and paths.
machine.copy_from_host("key", "made/on the way/key")
machine.copy_from_host(Path("key").resolve(), Path("other"))
machine.copy_from_host("key", "~/at-home")
assert machine.succeed("sha256sum < 'made/on the way/key'") == machine.succeed("sha256sum < other")
assert machine.succeed("stat -c '%a %s %U' 'made/on the way/key'") == f"640 {len(content)} root\n"
machine.succeed("cmp other ~/at-home")
# Into a directory that is there.
machine.succeed("mkdir there")
machine.copy_from_host("key", "there")
machine.succeed("cmp other there/key")
# And back.
machine.copy_from_machine("other")
assert (driver.out_dir / "other").read_bytes() == content
assert (driver.out_dir / "other").stat().st_mode & 0o777 == 0o640
machine.copy_from_machine("made/on the way/key", "sub/dir")
machine.copy_from_machine("~/at-home", "")
machine.copy_from_machine("other", target_dir=str(Path("elsewhere").resolve()))
for path in (driver.out_dir / "sub/dir/key", driver.out_dir / "at-home", Path("elsewhere/other")):
    assert path.read_bytes() == content, path
