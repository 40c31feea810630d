"""How Sphinx builds the site; ``python docs/make.py`` calls it."""

import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import jaxdl

project = "jaxdl"
author = "The jaxdl authors"
copyright = "the jaxdl authors, Apache-2.0"
version = release = jaxdl.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "site_parts.extension",
]
nb_execution_mode = "off"  # the notebooks are stored executed
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # they would come from the network
myst_enable_extensions = ["dollarmath", "attrs_inline", "colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

html_theme = "furo"
html_favicon = "_static/jaxdl.svg"
html_title = f"jaxdl {release}"
html_static_path = ["_static", "_build/static"]  # of the latter, make.py fills KaTeX in
html_css_files = ["jaxdl.css"]
html_js_files = [("jaxdl.js", {"defer": "defer"})]
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False
html_show_search_summary = False  # it reads pages that browsers don't show to a file on a disk
pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
html_theme_options = {
    "navigation_with_keys": True,
    "footer_icons": [
        {
            "name": "Source on GitHub",
            "url": pyproject["project"]["urls"]["Repository"],
            "html": "source",
            "class": "",
        }
    ],
}

python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

html_math_renderer = "katex"

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"
