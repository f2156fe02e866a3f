import numpy as np

samples = np.array([int(machine.succeed(f"echo {n}")) for n in (1, 2, 3)])
assert samples.mean() == 2.0
assert np.allclose(samples @ samples, 14)
