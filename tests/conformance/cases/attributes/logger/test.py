machine.logger.log("through the machine's logger", {"machine": machine.name})
machine.logger.info("an info")
with machine.logger.nested("nested in the logger"):
    machine.log("a remark")
