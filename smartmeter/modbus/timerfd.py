"""Linux's timerfd: from Python 3.13 on in `os`, before by ctypes."""

import ctypes
import os
import sys

_NANOSECONDS = 1_000_000_000

if sys.version_info >= (3, 13):
    import time

    def timerfd_create() -> int:
        """A non-blocking timerfd on the monotonic clock."""
        return os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)

    def timerfd_set(fd: int, moment_s: float) -> None:
        """Let the timer expire once, at this moment of the monotonic clock."""
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=max(1, round(moment_s * _NANOSECONDS)))

else:
    # From <sys/timerfd.h>, <time.h> and <fcntl.h> of Linux.
    _CLOCK_MONOTONIC = 1
    _TFD_TIMER_ABSTIME = 1

    class _Timespec(ctypes.Structure):
        _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))

    class _Itimerspec(ctypes.Structure):
        _fields_ = (("interval", _Timespec), ("value", _Timespec))

    _libc = ctypes.CDLL(None, use_errno=True)

    def timerfd_create() -> int:
        """A non-blocking timerfd on the monotonic clock."""
        fd: int = _libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return fd

    def timerfd_set(fd: int, moment_s: float) -> None:
        """Let the timer expire once, at this moment of the monotonic clock."""
        seconds, nanoseconds = divmod(max(1, round(moment_s * _NANOSECONDS)), _NANOSECONDS)
        value = _Itimerspec(_Timespec(0, 0), _Timespec(seconds, nanoseconds))
        if _libc.timerfd_settime(fd, _TFD_TIMER_ABSTIME, ctypes.byref(value), None) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
