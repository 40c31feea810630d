"""Animations: made of a function that draws one picture, and written to files."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.animation import AbstractMovieWriter, FuncAnimation
    from matplotlib.figure import Figure

WIDTH = 960  # pixels that a film has at least, unless it is said otherwise


def film(
    figure: "Figure", draw: Callable[[int], None], frames: int, interval: int
) -> "FuncAnimation":
    """Makes an animation; ``draw(i)`` draws picture i on an empty figure or over the last one."""
    from matplotlib.animation import FuncAnimation

    def show(i: int) -> list[Any]:
        draw(i)
        return []

    return FuncAnimation(figure, show, frames=frames, interval=interval, init_func=lambda: [])


def save_animation(animation: "FuncAnimation", path: str | Path, *, dpi: int | None = None) -> Path:
    """Writes an animation as a GIF, an MP4 film, or a self-contained HTML page that plays it.

    Args:
        animation: from ``boundary_animation`` and the other animations, or any other of
            matplotlib's.
        path: ends in ``.gif``, ``.mp4`` or ``.html``.
        dpi: dots per inch. Defaults to the figure's own, or as many as make it 960 pixels wide.

    Returns:
        The path.

    Raises:
        ValueError: if the path has another ending.
        ModuleNotFoundError: for ``.mp4``, if there is neither imageio-ffmpeg nor ffmpeg.

    Example:
        >>> import tempfile
        >>> from jaxdl.plots import convolution_animation
        >>> moving = convolution_animation([[1, 2, 3]], [[1, -1]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_animation(moving, f"{folder}/film.gif", dpi=50).stat().st_size > 1000
        True
    """
    from matplotlib import rc_context

    path = Path(path)
    if path.suffix not in (".gif", ".mp4", ".html"):
        raise ValueError(f'save_animation: path is "{path}"; it must end in .gif, .mp4 or .html')
    timer: Any = animation.event_source
    writer = _writer(path.suffix, fps=1000 / timer.interval)
    figure: Any = animation._fig  # type: ignore[attr-defined]
    dots = max(figure.dpi, WIDTH / figure.get_figwidth()) if dpi is None else dpi
    ffmpeg = {"animation.ffmpeg_path": _ffmpeg()} if path.suffix == ".mp4" else {}
    with rc_context(ffmpeg):
        animation.save(path, writer=writer, dpi=dots)
    return path


def _writer(ending: str, fps: Any) -> "AbstractMovieWriter":
    from matplotlib.animation import FFMpegWriter, HTMLWriter, PillowWriter

    if ending == ".gif":
        return PillowWriter(fps=fps)
    if ending == ".html":
        return HTMLWriter(fps=fps, embed_frames=True)
    return FFMpegWriter(fps=fps, codec="h264")


def _ffmpeg() -> str:
    """The program that encodes films: of imageio-ffmpeg, whose wheel brings it, or the system's."""
    import shutil

    try:
        import imageio_ffmpeg
    except ModuleNotFoundError as error:
        found = shutil.which("ffmpeg")
        if found is None:
            what = (
                "save_animation writes .mp4 with imageio-ffmpeg: "
                'pip install "jaxdl-toolkit[experiments]"; .gif and .html need neither'
            )
            raise ModuleNotFoundError(what, name=error.name) from error
        return found
    return str(imageio_ffmpeg.get_ffmpeg_exe())
