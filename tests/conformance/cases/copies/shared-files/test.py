import os

web = create_machine(f"{os.getcwd()}/own-tmp {machine.start_command}", name="web")
web.succeed("test -d /tmp/shared")

from pathlib import Path

content = bytes(range(256)) * 1000
Path("key").write_bytes(content)
Path("key").chmod(0o640)
# Relative to the working directory; parents are made; strings and paths.
web.copy_from_host("key", "made/on the way/key")
web.copy_from_host(Path("key").resolve(), Path("other"))
web.copy_from_host("key", "~/at-home")
assert web.succeed("sha256sum < 'made/on the way/key'") == web.succeed("sha256sum < other")
assert web.succeed("stat -c '%a %s %U' 'made/on the way/key'") == f"640 {len(content)} root\n"
web.succeed("cmp other ~/at-home")
# Into a directory that is there.
web.succeed("mkdir there")
web.copy_from_host("key", "there")
web.succeed("cmp other there/key")
# And back.
web.copy_from_machine("other")
assert (driver.out_dir / "other").read_bytes() == content
assert (driver.out_dir / "other").stat().st_mode & 0o777 == 0o640
web.copy_from_machine("made/on the way/key", "sub/dir")
web.copy_from_machine("~/at-home", "")
web.copy_from_machine("other", target_dir=str(Path("elsewhere").resolve()))
for path in (driver.out_dir / "sub/dir/key", driver.out_dir / "at-home", Path("elsewhere/other")):
    assert path.read_bytes() == content, path
