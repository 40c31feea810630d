"""The table of lectures in README.md."""

from frame.source import headline, read, sources

WIDTH = 560  # pixels of a picture in the table, shown at half of that
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def table() -> str:
    """Returns README.md's table, of all lectures."""
    rows = ["| | notebook | what it shows |", "|---|---|---|"]
    for path in sources():
        (title, summary), stem = headline(read(path)), path.stem
        image = f'<img src="pictures/{stem}.png" width="{WIDTH // 2}" alt="{title}">'
        name = f"**{int(stem[:2])} · {title}**"
        rows.append(f"| [{image}]({stem}.ipynb) | [{name}]({stem}.ipynb) | {summary} |")
    return "\n".join(rows)


def with_table(readme: str) -> str:
    """Returns README.md's text with the table as it has to be."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"
