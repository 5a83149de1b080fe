"""A progress bar on standard error, on a terminal only."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[float, int], None]


@contextmanager
def progress_bar(what: str, of: str) -> Iterator[Tell]:
    """Gives what is to be told how much is done, from 0 to 1, and how many of these that are ("rows").

    Shows the rate and the remaining time. Where nobody looks, nothing is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _count: None
        return
    from rich.console import Console  # noqa: PLC0415 - a library for those who look
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]:,} {task.fields[of]}"),
        TextColumn("{task.fields[rate]}", style="dim"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=1.0, count=0, of=of, rate="")

        def tell(done: float, count: int) -> None:
            elapsed_s = progress.tasks[0].elapsed or 0.0
            rate = f"{count / elapsed_s:,.0f}/s" if elapsed_s >= 1 else ""
            progress.update(task, completed=done, count=count, rate=rate)

        yield tell
