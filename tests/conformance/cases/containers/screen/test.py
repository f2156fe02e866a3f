for method in (QemuMachine.get_screen_text_variants, QemuMachine.wait_for_x):
    assert getattr(NspawnMachine, method.__name__) is method
for use in (
    lambda: box.send_key("ctrl-alt-t"),
    lambda: box.send_chars("a text"),
    lambda: box.screenshot("picture"),
    lambda: box.get_screen_text(),
    lambda: box.get_window_names(),
    lambda: box.wait_for_window("terminal", timeout=1),
    lambda: box.wait_for_text("text", timeout=1),
    lambda: box.wait_for_x(timeout=1),
):
    with t.assertRaises(Exception):
        use()
