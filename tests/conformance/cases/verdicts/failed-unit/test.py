unit = "ActiveState=failed\\nResult=exit-code\\nExecMainCode=1\\nExecMainStatus=3\\n"
machine.succeed(f"printf '{unit}' > $FAKE_GUEST_DIR/units/web.service")
machine.wait_for_unit("web.service")
