machine.log("x" * (100 << 20))
machine.log("behind it")
