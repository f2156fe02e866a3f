count = 0
with subtest("first"):
    count += 1
    print("first:", count)

with subtest("second"):
    count += 1
    print("second:", count)
