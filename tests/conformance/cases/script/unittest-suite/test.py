import unittest
import weakref

finalized = []


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        start_all()
        cls.host = machine
        cls.keeper = type("Keeper", (), {})()
        weakref.finalize(cls.keeper, finalized.append, cls.host)

    def test_answers(self):
        self.assertEqual(self.host.succeed("echo up"), "up\n")

    def test_fails_as_expected(self):
        with self.assertRaises(Exception):
            self.host.succeed("false")

    @classmethod
    def tearDownClass(cls):
        cls.keeper = None


suite = unittest.TestLoader().loadTestsFromTestCase(Case)
result = unittest.TextTestRunner().run(suite)
assert result.wasSuccessful() and result.testsRun == 2
assert finalized == [machine]
