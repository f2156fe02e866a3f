assert [machine.name for machine in machines] == ["web"]
assert driver.config.display_viewers == {"vnc": "/bin/vncviewer"}
