assert str(driver.config.test_script) == "scripts/test.py"
log.info("the right one")
