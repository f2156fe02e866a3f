from pathlib import Path

for content in ("first", "second, and longer", "3"):
    Path("file").write_text(content)
    machine.copy_from_host("file", "file")
    assert machine.succeed("cat file") == content
    machine.copy_from_machine("file")
    assert (driver.out_dir / "file").read_text() == content
# Through a link: the file that it points to.
machine.succeed("echo old > real; ln -s real link")
machine.copy_from_host("file", "link")
assert machine.succeed("cat real; test -L link") == "3"
