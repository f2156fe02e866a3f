exec(os.environ["tests"])
assert result == "from the text\n"
