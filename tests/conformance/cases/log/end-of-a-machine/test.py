machine.start()
gone = create_machine("true", name="gone")
gone.cleanup_statedir()
assert not gone.state_dir.exists()
