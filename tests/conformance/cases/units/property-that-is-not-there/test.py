machine.get_unit_property("multi-user.target", "NoSuchProperty")
