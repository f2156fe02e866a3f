assert str(driver.out_dir) == os.path.realpath("results") and driver.out_dir == machine.out_dir
