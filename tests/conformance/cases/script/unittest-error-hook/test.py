import unittest


class Case(unittest.TestCase):
    def test_breaks(self):
        machine.succeed("false")


def stop_at_once(test, error):
    raise RuntimeError(f"{test._testMethodName}: {error[0].__name__}")


result = unittest.TestResult()
result.addFailure = result.addError = stop_at_once
unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
