machine.screenshot("dark")
