machine.succeed("touch there")
machine.wait_for_file("there", 30)
retry(lambda last: True, 5.5)
