"""`python -m schemas.export`"""

from schemas.export import FOLDER, documents

FOLDER.mkdir(exist_ok=True)
for name, text in documents().items():
    (FOLDER / name).write_text(text, "utf-8")
