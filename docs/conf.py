"""The documentation site: ``python -m sphinx -W docs build/site``. Nothing is read from the net."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import matplotlib as mpl
from figure_scraper import FigureScraper

import fastkm

mpl.use("agg")

project = "fastkm"
author = "The fastkm developers"
copyright = "The fastkm developers"
release = version = fastkm.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "api_pages",
    "command_pages",
    "math_as_mathml",
    "offline_pages",
]
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = ["_templates", "_ext", "gallery", "examples/**.ipynb", "_static/make_*.py"]
nitpicky = False
default_role = "py:obj"
smartquotes = False  # options such as --choose stay as they are typed

# names and types of the API
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# Markdown and notebooks
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline", "attrs_block"]
myst_heading_anchors = 4
myst_fence_as_directive = []
nb_execution_mode = "auto"
nb_execution_in_temp = True
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "warn"
nb_ipywidgets_js = {}
html_math_renderer = "mathml"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# kernels of notebooks find the package that the site is built from
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")])
)

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"plot_",
    "image_scrapers": ("matplotlib", FigureScraper()),  # the second for figures of fastkm
    "ignore_repr_types": r"Figure|\.Page",
    "doc_module": ("fastkm",),
    "backreferences_dir": "reference/api/backreferences",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,  # its page loads scripts from the net
    "abort_on_example_error": False,
    "remove_config_comments": True,
    "within_subsection_order": "FileNameSortKey",
    "image_srcset": ["2x"],
    "plot_gallery": "True",
    "parallel": True,  # as many as `-j` says
}

# pages
html_theme = "pydata_sphinx_theme"
html_title = "fastkm"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
    "back_to_top_button": True,
}
html_sidebars = {"index": []}
