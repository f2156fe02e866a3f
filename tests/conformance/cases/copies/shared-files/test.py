import os

machine = create_machine(f"{os.environ['OWN_TMP']} {os.environ['START']}", name="web")
machine.succeed("test -d /tmp/shared; echo kept >~/kept; mkdir -p /tmp/shared/in/the-way")
machine.copy_from_machine("~/kept", "some/place")
assert (machine.shared_dir / "some" / "place" / "kept").read_text() == "kept\n"
machine.succeed("cp ~/kept the-way; echo host >/tmp/shared/own")
machine.copy_from_machine(machine.succeed("printf $PWD/the-way"), "in")
assert (machine.shared_dir / "in" / "the-way").is_dir(), "it is somebody else's"
machine.copy_from_machine("/tmp/shared/own")
assert (machine.shared_dir / "own").read_text() == (driver.out_dir / "own").read_text() == "host\n"
