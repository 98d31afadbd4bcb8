"""conf.py -- how Sphinx makes the manual: tool/dev docs"""

project = "Mostly"
html_title = "Mostly"
html_theme = "alabaster"
html_theme_options = {"page_width": "1000px"}
html_copy_source = False
html_show_copyright = False
# What is written in `backquotes` alone is a mistake for a literal.
default_role = "any"
primary_domain = "c"
highlight_language = "c"
# Names of the C library, and of structures that nobody may look into.
nitpick_ignore_regex = [("c:identifier", r"size_t|va_list|mps_\w+_s")]
