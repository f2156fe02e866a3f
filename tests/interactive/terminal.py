"""Run the driver in a tmux terminal: type keys, and read the screen."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
import time

from harness import SLOWNESS, Command, Workspace

PATIENCE = 30.0 * SLOWNESS
LOOK_INTERVAL = 0.05

# Text that differs between runs, and its replacement.
VARIES = [
    (r"\b\d+\.\d\d? seconds", "N seconds"),
    (r"\bin \d+\.\d\ds\b", "in Ns"),
    (r"\(pid \d+\)", "(pid N)"),
    (r"from pid \d+ \(.*\)", "from pid N (DRIVER)"),
    (r"\b127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"/bin/attach \d+", "/bin/attach N"),
    (r"debugger-key-\w+", "debugger-key-X"),
    (r"telnet 127\.0\.0\.1 \d+", "telnet 127.0.0.1 PORT"),
    (r"\^D", ""),
    (r"\^[CZ]", ""),  # the terminal may discard this echo with other pending output
    (r"boot line \d+", "boot line N"),
    (r"<ipython-input-[^>]*>", "<ipython-input>"),
]
TOOLBAR = re.compile(r"^ *\[F4\] Emacs")
SCREENS_END = "(end of the screen)"


class Terminal:
    """A session on its own tmux server. As a context manager, ends the server on exit."""

    def __init__(self, workspace: Workspace, columns: int = 100, rows: int = 40) -> None:
        self._workspace = workspace
        self._place = tempfile.TemporaryDirectory()  # tmux does not remove its socket
        self._server = ["tmux", "-S", f"{self._place.name}/tmux", "-f", "/dev/null"]
        self._size = ["-x", str(columns), "-y", str(rows)]

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self._server, "kill-server"], capture_output=True, check=False)
        self._place.cleanup()

    def run(self, command: Command, name: str = "main") -> None:
        """Start a program in a window; the shell prints its exit status."""
        root = str(self._workspace.root)
        variables = {**command.env, "HOME": root}
        variables.pop("TERM", None)  # tmux sets it
        settings = shlex.join(f"{name}={value}" for name, value in variables.items())
        lines = [
            "#!/bin/sh",
            "trap : INT",  # Ctrl-C must end only the program
            f"cd {shlex.quote(root)}",
            f"env -i TERM=$TERM {settings} {shlex.join(command.argv)}",
            'echo "exit status $?"',
            "exec sleep 1000",
        ]
        script = self._workspace.write(f"terminal-{name}", "\n".join(lines), 0o755)
        session = ["new-session", "-d", "-s", name, *self._size, str(script)]
        subprocess.run([*self._server, *session], check=True, timeout=PATIENCE)

    def type(self, *keys: str, to: str = "main") -> None:
        """Type keys, given by their tmux names (C-c, Enter, Tab); anything else is text."""
        for key in keys:
            literal = [] if re.fullmatch(r"C-.|Enter|Escape|Tab", key) else ["-l"]
            self._tmux("send-keys", "-t", to, *literal, key)

    def resize(self, columns: int, rows: int, name: str = "main") -> None:
        self._tmux("resize-window", "-t", name, "-x", str(columns), "-y", str(rows))

    def close(self, name: str = "main") -> None:
        """Close the window."""
        self._tmux("kill-session", "-t", name)

    def screen(self, name: str = "main") -> list[str]:
        """The lines on the screen; wrapped lines are joined.

        The beginning of the first line may have scrolled off the screen.
        """
        capture = ("capture-pane", "-p", "-J", "-t", name)
        between = ("display-message", "-p", "-t", name, SCREENS_END)
        both = self._tmux(*capture, ";", *between, ";", *capture, "-S", "-5")
        shown, _, longer = (part.splitlines() for part in both.partition(f"{SCREENS_END}\n"))
        lines = [line.rstrip() for line in longer[len(longer) - len(shown) :]]
        return [line for line in lines if line and not TOOLBAR.match(line)]

    def wait_for(self, pattern: str, limit: float = PATIENCE, name: str = "main") -> list[str]:
        """Wait until the screen matches the pattern (with re.MULTILINE); return the screen."""
        deadline = time.monotonic() + limit
        while True:
            screen = self.screen(name)
            shown = "\n".join(screen)
            if re.search(pattern, shown, re.MULTILINE):
                return screen
            assert time.monotonic() < deadline, f"{pattern!r} is not on the screen:\n{shown}"
            time.sleep(LOOK_INTERVAL)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            [*self._server, *words], capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        return done.stdout


def without_what_varies(lines: list[str], workspace: Workspace) -> list[str]:
    """The screen, with everything replaced that differs between runs."""
    text = "\n".join(lines).replace(str(workspace.root), "DIR")
    for pattern, instead in VARIES:
        text = re.sub(pattern, instead, text)
    return [line for line in text.splitlines() if line]
