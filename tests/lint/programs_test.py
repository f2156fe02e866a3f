"""Runs programs.py on small trees with one file each."""

import tempfile
import unittest
from pathlib import Path

import programs


class Programs(unittest.TestCase):
    def faults(self, name, text):
        """The faults found in a tree with just this file and the STARTERS."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            files = {starter: "vfork();" for starter in programs.STARTERS}
            for each, content in {**files, name: text}.items():
                (root / each).parent.mkdir(parents=True, exist_ok=True)
                (root / each).write_text(content)
            return list(programs.faults(root))

    def test_finds_pythons_ways(self):
        for text in (
            "subprocess.run(['true'])",
            "from subprocess import Popen",
            "os.posix_spawnp('true', [], {})",
            "os.execv('true', [])",
            "import multiprocessing",
            "await asyncio.create_subprocess_exec('true')",
        ):
            self.assertEqual(len(self.faults("python/test_driver/a.py", text)), 1, text)

    def test_finds_those_of_cpp(self):
        for text in ("::fork();", "posix_spawn (", "std::system(x);", "syscall(SYS_clone3, 0);"):
            self.assertEqual(len(self.faults("src/qemu/a.cpp", text)), 1, text)
            self.assertEqual(len(self.faults("include/ntd/qemu/a.h", text)), 1, text)

    def test_allows_to_mention_them(self):
        python = '"""As os.fork() does."""  # subprocess.run\nraise subprocess.TimeoutExpired'
        self.assertEqual(self.faults("python/test_driver/a.py", python), [])
        self.assertEqual(self.faults("src/qemu/a.cpp", "// fork()\nis_fork(); exec_list();"), [])

    def test_finds_an_exception_that_is_none_any_more(self):
        name = next(iter(programs.STARTERS))
        self.assertEqual(self.faults(name, ""), [f"{name} makes no process any more"])


if __name__ == "__main__":
    unittest.main()
