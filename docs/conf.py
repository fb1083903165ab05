"""Settings of Sphinx. docs/make_site.py lays out the sources in build/docs/source first."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from docstring_text import prepare_docstring

os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "apprehend"
author = copyright = "The apprehend contributors"
version = release = installed("apprehend")
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["gallery/*"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "attrs_block"]
myst_heading_anchors = 4

default_role = "code"
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say what arguments are
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

html_theme = "pydata_sphinx_theme"
html_title = "apprehend"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options: dict[str, Any] = {
    "navigation_with_keys": False,
    "header_links_before_dropdown": 8,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navbar_align": "left",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "install": [], "auto_gallery/index": []}

sphinx_gallery_conf: dict[str, Any] = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 10,
    "remove_config_comments": True,
    "copyfile_regex": r".*\.csv",
    "reset_modules": ("matplotlib",),
    "matplotlib_animations": False,
    "image_srcset": ["2x"],
    "backreferences_dir": None,
    "line_numbers": False,
}

# Names in docstrings that are no pages of ours: what other packages document, and private modules.
nitpick_ignore_regex = [("py:.*", r"(?!apprehend\.).*"), ("py:.*", r"apprehend\.(\w+\.){2,}\w+")]


def setup(app: Any) -> None:
    """Prepare docstrings before napoleon reads their sections."""
    app.connect("autodoc-process-docstring", prepare_docstring, priority=400)
