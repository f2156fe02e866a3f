expected = "3 users"


def check_users():
    # a comment between
    actual = machine.succeed("echo 2 users").strip()
    assert actual == expected, f"expected {expected}, got {actual}"


with subtest("users"):
    check_users()
