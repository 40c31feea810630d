"""Animations: made of a function that draws one picture, and written to files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxdl import _checks

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.animation import AbstractMovieWriter, FuncAnimation
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure
    from PIL.Image import Image

WIDTH = 960  # least width of a film in pixels, unless dpi is given


def film(
    figure: "Figure", draw: Callable[[int], None], frames: int, interval: int
) -> "FuncAnimation":
    """Makes an animation; ``draw(i)`` draws picture i on an empty figure or over the last one."""
    from matplotlib.animation import FuncAnimation

    def show(i: int) -> "list[Artist]":
        draw(i)
        return []

    return FuncAnimation(figure, show, frames=frames, interval=interval, init_func=lambda: [])


def save_animation(animation: "FuncAnimation", path: str | Path, *, dpi: int | None = None) -> Path:
    """Writes an animation as a GIF, an MP4 video, or a self-contained HTML page that plays it.

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


def animation_gif(animation: "FuncAnimation", *, colours: int = 32, width: int = 1200) -> bytes:
    """Turns an animation into a small GIF, for a notebook: ``IPython.display.Image(data=…)``.

    Args:
        animation: as for ``save_animation``.
        colours: number of colours in all pictures together; fewer make a smaller file.
        width: width of the pictures, in pixels.

    Returns:
        The bytes of the file.

    Raises:
        ValueError: if ``colours`` isn't from 2 to 256, or ``width`` isn't a positive integer.

    Example:
        >>> from jaxdl.plots import convolution_animation
        >>> animation_gif(convolution_animation([[1, 2, 3]], [[1, -1]]), width=400)[:6]
        b'GIF89a'
    """
    import io

    if not 2 <= colours <= 256:
        raise ValueError(f"animation_gif: colours is {colours}; it must be from 2 to 256")
    _checks.positive_ints("animation_gif", width=width)
    few = _in_few_colours(list(_pictures(animation, width)), colours)
    file = io.BytesIO()
    timer: Any = animation.event_source
    how: dict[str, Any] = {"duration": timer.interval, "loop": 0}
    few[0].save(file, "GIF", save_all=True, append_images=few[1:], **how)
    return file.getvalue()


def _pictures(animation: Any, width: int) -> "Iterator[Image]":
    """Draws each picture once; ``animation.save`` draws it three times and lays it out twice."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure = animation._fig
    figure.set_dpi((width + 0.5) / figure.get_figwidth())  # matplotlib rounds down
    canvas = FigureCanvasAgg(figure)
    animation._draw_was_started = True  # or matplotlib would warn that nobody looks at it
    for frame in animation.new_frame_seq():
        animation._draw_frame(frame)
        canvas.draw()
        figure.set_layout_engine("none")  # nothing moves from one picture to the next
        yield Image.fromarray(np.array(canvas.buffer_rgba())[..., :3])


def _in_few_colours(pictures: "list[Image]", colours: int) -> "list[Image]":
    """Pictures in the same few colours, so that what stays between two of them costs no bytes."""
    import numpy as np
    from PIL import Image

    found, counts = np.unique(np.concatenate([_codes(p) for p in pictures]), return_counts=True)
    palette = _palette(_parts(found[np.argsort(-counts, kind="stable")]), colours)
    # Not Pillow's own search for the nearest, which takes white for a light grey.
    nearest = [np.abs(palette - colour).sum(axis=1).argmin() for colour in _parts(found)]
    indices = np.asarray(nearest, np.uint8)
    few = []
    for picture in pictures:
        places = np.searchsorted(found, _codes(picture))
        few.append(Image.fromarray(indices[places].reshape(picture.size[::-1]), "P"))
        few[-1].putpalette(palette.astype(np.uint8).tobytes())
    return few


def _codes(picture: "Image") -> "np.ndarray":
    """A number for the colour of each pixel."""
    import numpy as np

    return np.asarray(picture).reshape(-1, 3).astype(np.uint32) @ np.array([65536, 256, 1], "u4")


def _parts(codes: "np.ndarray") -> "np.ndarray":
    """Red, green and blue of the codes, shape (colours, 3)."""
    import numpy as np

    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(int)


def _palette(found: "np.ndarray", colours: int) -> "np.ndarray":
    """The commonest colours, of areas and lines; a quarter of the palette spans what is between."""
    import numpy as np
    from PIL import Image

    if len(found) <= colours:
        return found
    common, rest = np.split(found, [colours - colours // 4])
    between = Image.fromarray(rest[None].astype(np.uint8))
    few = between.quantize(max(1, colours // 4), Image.Quantize.MAXCOVERAGE).convert("RGB")
    return np.concatenate([common, np.unique(np.asarray(few)[0], axis=0)])


def _writer(ending: str, fps: int) -> "AbstractMovieWriter":
    from matplotlib.animation import FFMpegWriter, HTMLWriter, PillowWriter

    if ending == ".gif":
        return PillowWriter(fps=fps)
    if ending == ".html":
        return HTMLWriter(fps=fps, embed_frames=True)
    return FFMpegWriter(fps=fps, codec="h264")


def _ffmpeg() -> str:
    """The program that encodes films: the one in imageio-ffmpeg's wheel, or the system's."""
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
