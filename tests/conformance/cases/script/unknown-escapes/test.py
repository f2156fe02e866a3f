assert machine.succeed("echo 'borg\@server'") == "borg\\@server\n"
assert len("\[sudo\] \*.efi") == 15
