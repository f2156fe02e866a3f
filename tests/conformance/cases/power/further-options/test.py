import os

# As installer tests have it: exec, quotes, variables, shares.
os.environ["MORE"] = "-m 512"
share = "-virtfs local,path=/nix/store,security_model=none,mount_tag=nix-store"
command = f"exec {os.environ['START']} $MORE -name 'two words' {share}"
target = create_machine(command, name="target")
target.start()
arguments = (target.state_dir / "arguments").read_text().splitlines()
place = arguments.index("-virtfs")
assert arguments[:place] == ["-m", "512", "-name", "two words"], arguments
assert arguments[place + 1] == share.split()[1]
# The driver's own ones come behind.
assert "-qmp" in arguments[place:] and "-no-reboot" in arguments[place:]
assert f"cwd={target.state_dir}" in arguments
assert target.succeed("echo up") == "up\n"
target.crash()
target.start(allow_reboot=True)
assert "-no-reboot" not in (target.state_dir / "arguments").read_text().splitlines()
target.crash()
