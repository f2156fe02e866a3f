assert os.path.isdir(os.environ["TMPDIR"])
