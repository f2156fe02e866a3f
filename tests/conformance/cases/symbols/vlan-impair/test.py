from datetime import timedelta

for loss in (-0.1, 1.1, 50, float("nan")):
    with t.assertRaisesRegex(ValueError, f"loss is a fraction between 0 and 1, not {loss}"):
        vlan1.impair(loss=loss)
with t.assertRaisesRegex(ValueError, "nan"):
    vlan1.impair(delay=float("nan"))
for delay in (-1, float("inf"), timedelta(days=1)):
    with t.assertRaisesRegex(ValueError, f"delay is in seconds, 0 to 3600, not {delay}"):
        vlan1.impair(delay=delay)
for wrong in ({"loss": "10%"}, {"delay": "200ms"}, {"loss": None}):
    with t.assertRaises((TypeError, ValueError)):
        vlan1.impair(**wrong)
assert vlan1.impair(0.1, 0.05) is None
vlan1.impair(delay=timedelta(milliseconds=1))
vlan1.impair()
