raise Exception("not run")
