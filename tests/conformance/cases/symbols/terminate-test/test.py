machine.start()
driver.terminate_test()
os._exit(3)
