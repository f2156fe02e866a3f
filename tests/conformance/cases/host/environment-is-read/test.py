assert os.environ["NIX_BUILD_TOP"] == "/build"
assert os.environ.get("CLAN_TEST_STORE", "").endswith("/store")
assert os.path.isdir(os.environ["TMPDIR"]) and "/bin" in os.environ["PATH"]
assert str(machine.state_dir).startswith(os.environ["TMPDIR"])
