"""How answers become pages: templates and macros that all pages share, figures for people, links, Markdown, charts."""
