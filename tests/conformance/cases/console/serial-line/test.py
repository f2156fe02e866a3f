machine.log("a remark")
machine.log("ünï → “quotes”\ntwo lines")
machine.log_serial("as if from the console")
