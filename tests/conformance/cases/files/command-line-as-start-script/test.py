machine = create_machine('test "a b" = "a b" && pwd >started-in; exec $VM --dump-args=dumped -m $((2 * 256))')
machine.start()
assert (machine.state_dir / "started-in").read_text() == f"{machine.state_dir}\n"
words = (machine.state_dir / "dumped").read_text().splitlines()
assert words.index("512") < words.index("-monitor")
machine.crash()
