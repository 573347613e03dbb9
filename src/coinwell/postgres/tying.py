"""Child processes that do not outlive their parent.

On Linux the kernel ends them (PR_SET_PDEATHSIG); elsewhere a small watchdog does, which notices
the parent's end because the pipe between them closes.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_KERNEL_TIES = sys.platform == "linux"
# It waits until the pipe closes, that is until the parent is gone, however it went.
_WATCHDOG = 'read -r _; kill -s "$1" "$2" 2>/dev/null'


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user a program is started as, when we are root. No such account need exist."""

    uid: int
    gid: int


class Tied:
    """A running child, and the watchdog beside it where the kernel needs one."""

    def __init__(self, process: "subprocess.Popen[bytes]", dying_signal: signal.Signals) -> None:
        self._process = process
        self._watchdog = None if _KERNEL_TIES else _Watchdog(process.pid, dying_signal)

    @property
    def pid(self) -> int:
        """The child's process id, also after it ended."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it), or None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._dismiss()
        return status

    def wait(self, timeout_s: float) -> int | None:
        """Like `poll`, but give the child some time to end."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return self.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child alone; nothing happens if it has ended."""
        self._process.send_signal(number)

    def send_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and whatever it has started in its process group."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return  # Nobody is left; macOS says it the second way for a zombie.

    def _dismiss(self) -> None:
        if self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None


def start_tied(
    command: Sequence[str],
    *,
    dying_signal: signal.Signals,
    environment: Mapping[str, str],
    output: int | None = None,
    run_as: RunAs | None = None,
    cwd: str | None = None,
) -> Tied:
    """Start a program in a session of its own; `dying_signal` reaches it if we die.

    `output` is a file descriptor for what it prints; without one it prints where we do.
    """
    # The kernel's signal comes when the *thread* that forked ends, so a short-lived thread
    # would take the child along at once.
    assert threading.current_thread() is threading.main_thread(), (
        "a tied child is started from the main thread only"
    )
    with warnings.catch_warnings():
        # Newer Pythons warn of a fork beside threads. Between fork and exec we make two system
        # calls, and take no lock that another thread could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = subprocess.Popen(  # noqa: S603 - the command is the caller's own, no shell reads it
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_kernel_tie(dying_signal) if _KERNEL_TIES else None,  # noqa: PLW1509 - see above
            user=run_as and run_as.uid,
            group=run_as and run_as.gid,
            extra_groups=[] if run_as else None,
        )
    return Tied(process, dying_signal)


def _kernel_tie(dying_signal: signal.Signals) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()
    number = int(dying_signal)

    def tie() -> None:
        # Runs after the change of user, which would undo it.
        if prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0 or os.getppid() != parent:
            os._exit(127)  # The parent died before the tie held.

    return tie


class _Watchdog:
    def __init__(self, pid: int, dying_signal: signal.Signals) -> None:
        ear, self._mouth = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - constant text, numbers as arguments
                ["/bin/sh", "-c", _WATCHDOG, "watchdog", dying_signal.name[3:], str(pid)],
                stdin=ear,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(ear)

    def dismiss(self) -> None:
        # Killed before the pipe closes, so that it cannot signal a number that is no longer ours.
        self._process.kill()
        self._process.wait()
        os.close(self._mouth)
