machine.start()
begin = time.monotonic()
machine.wait_for_text("installation has finished", timeout=60)
report(screen__wait_for_text=[time.monotonic() - begin])
