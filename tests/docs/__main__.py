"""Write the parts of pages that are made from the code anew: `make docs`."""

from tests.docs.pages import MADE, renewed

if __name__ == "__main__":
    for path in MADE:
        path.write_text(renewed(path, path.read_text("utf-8")), "utf-8")
